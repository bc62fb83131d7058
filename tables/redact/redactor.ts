/**
 * Takes secrets out of texts before they are stored. Pure. Bytes of any kind come in, and a text without a
 * secret goes out as the very same bytes; else a mark stands in the place of each.
 */

import { QuotedArguments } from './arguments.ts';
import { findCalls } from './calls.ts';
import { KEYWORDS } from './keywords.ts';
import { findManifests } from './manifests.ts';
import { findPairs } from './pairs.ts';
import { redactValues } from './parameters.ts';
import { Prefilter } from './prefilter.ts';
import { redactQuoted } from './quoted.ts';
import { type OwnRule, ownRule, type Rule } from './rules.ts';
import { findShapes } from './shapes.ts';
import { findInShell } from './shell.ts';
import { maskSpans, replaceSpans, SpanList, type SpanSink, type Spans } from './spans.ts';
import { findInSql } from './sql.ts';
import type { Dialect as SqlDialect } from './sql-tokens.ts';
import { findDsns, findUrls } from './urls.ts';

export type Dialect = 'shell' | SqlDialect;

export interface RedactorOptions {
  readonly dialect: Dialect;
  readonly rules?: readonly Rule[];
}

export interface Redactor {
  /** Whether `redact` would find nothing in a part of the bytes: without a Buffer of it. */
  isClean(bytes: Buffer, from: number, to: number): boolean;
  /**
   * @param cut the text goes on behind its end: half a secret is one
   * @returns the same buffer where nothing was found
   */
  redact(text: Buffer, cut?: boolean): Buffer;
  /** The same with as many bytes: for texts whose parts are known by their offsets. */
  mask(text: Buffer): Buffer;
  /** A message of the server about a statement, which may quote it. */
  redactMessage(message: Buffer, statement: Buffer): Buffer;
  /** The arguments of a program; one that holds no secret is the same text. */
  redactArguments(values: readonly string[]): readonly string[];
  /** A JSON array of values, one for each parameter of a statement. */
  redactParameters(json: string, statement: Buffer): string;
}

/** Texts in texts in texts; what is deeper and may hold a secret is one. */
const MAX_DEPTH = 4;
/** A mark may turn what stands around it into something else, which is looked at again. */
const MAX_PASSES = 4;
/** Longer texts are looked at once. */
const MAX_REPEATED = 16_384;
const SQL_HINT =
  /passw|identified|crypt|secret|token|credential|_key|api_?key|pwd|\bpw\b|pass|auth|program|_command|encode|decode|keyring/i;
const OTHER_ESCAPE = /\\['"]/;

/** @throws LiveAuditError CONFIG where a rule cannot be used */
export function createRedactor(options: RedactorOptions): Redactor {
  return new TextRedactor(options);
}

class TextRedactor implements Redactor {
  readonly #dialect: Dialect;
  readonly #prefilter: Prefilter;
  readonly #rules: readonly OwnRule[];

  constructor({ dialect, rules = [] }: RedactorOptions) {
    this.#dialect = dialect;
    this.#prefilter = prefilterOf(dialect);
    this.#rules = rules.map(ownRule);
  }

  isClean(bytes: Buffer, from: number, to: number): boolean {
    if (this.#rules.length > 0) return !this.#isSuspect(bytes.subarray(from, to));
    return !this.#prefilter.has(bytes, from, to);
  }

  redact(text: Buffer, cut = false): Buffer {
    if (!this.#isSuspect(text)) return text;
    let current = text;
    for (let pass = 0; pass < MAX_PASSES; pass++) {
      const spans = this.#spans(current, cut);
      if (spans.length === 0) break;
      current = replaceSpans(current, spans);
      if (current.length > MAX_REPEATED) break;
    }
    return current;
  }

  mask(text: Buffer): Buffer {
    return this.#isSuspect(text) ? maskSpans(text, this.#spans(text, true)) : text;
  }

  redactMessage(message: Buffer, statement: Buffer): Buffer {
    const own = this.redact(message, true);
    if (!this.#isSuspect(statement)) return own;
    return redactQuoted(own, statement, this.#spans(statement, true));
  }

  redactArguments(values: readonly string[]): readonly string[] {
    const line = Buffer.from(values.join(' '));
    if (!this.#isSuspect(line)) return values;
    const quoted = new QuotedArguments(values);
    return quoted.without(this.#spans(quoted.text, true));
  }

  redactParameters(json: string, statement: Buffer): string {
    const numbers = this.#isSuspect(statement)
      ? this.#findAll(statement.toString('latin1'), new SpanList(), false)
      : new Set<number>();
    if (numbers.size === 0 && !this.#isSuspect(Buffer.from(json))) return json;
    return redactValues(json, numbers, (value) => {
      const bytes = Buffer.from(value);
      const redacted = this.redact(bytes);
      return redacted === bytes ? value : redacted.toString();
    });
  }

  /** Nearly every text ends here. */
  #isSuspect(text: Buffer): boolean {
    if (this.#prefilter.has(text)) return true;
    for (let i = 0; i < this.#rules.length; i++) {
      if (text.includes((this.#rules[i] as OwnRule).keyword)) return true;
    }
    return false;
  }

  #spans(text: Buffer, cut: boolean): Spans {
    const sink = new SpanList();
    const characters = text.toString('latin1');
    if (this.#prefilter.has(text)) this.#findAll(characters, sink, cut);
    for (const { keyword, find } of this.#rules) if (text.includes(keyword)) find(text, sink);
    return sink.merged(characters);
  }

  /** @returns numbers of the parameters that are secret */
  #findAll(text: string, sink: SpanSink, cut: boolean): Set<number> {
    findPairs(text, sink);
    findCalls(text, sink);
    findUrls(text, sink, cut);
    findDsns(text, sink);
    findShapes(text, sink, cut);
    if (this.#dialect !== 'shell') return findSql(text, this.#dialect, sink, 0);
    findManifests(text, sink);
    findShell(text, sink, 0);
    return new Set();
  }
}

function findShell(text: string, sink: SpanSink, depth: number): void {
  findInShell(text, sink, (part, partSink) => {
    const mayHoldSql = SQL_HINT.test(part);
    if (depth + 1 < MAX_DEPTH) findShell(part, partSink, depth + 1);
    else if (mayHoldSql) partSink.add(0, part.length);
    if (!mayHoldSql) return;
    findSql(part, 'postgres', partSink, depth + 1);
    findSql(part, 'mysql', partSink, depth + 1);
  });
}

/** Backslashes are read as is usual and, where that makes a difference, the other way too. */
function findSql(text: string, dialect: SqlDialect, sink: SpanSink, depth: number): Set<number> {
  const parameters = findSqlAs(text, dialect, false, sink, depth);
  if (OTHER_ESCAPE.test(text))
    for (const number of findSqlAs(text, dialect, true, sink, depth)) parameters.add(number);
  return parameters;
}

function findSqlAs(
  text: string,
  dialect: SqlDialect,
  otherEscapes: boolean,
  sink: SpanSink,
  depth: number,
): Set<number> {
  return findInSql(text, { dialect, otherEscapes }, sink, {
    sql: (part, partSink) => {
      if (!/['"$]/.test(part) || !SQL_HINT.test(part)) return;
      if (depth + 1 < MAX_DEPTH) findSqlAs(part, dialect, otherEscapes, partSink, depth + 1);
      else partSink.add(0, part.length);
    },
    shell: (part, partSink) => findShell(part, partSink, depth + 1),
  });
}

const prefilters = new Map<Dialect, Prefilter>();

/** One for each dialect: their tables take some memory. */
function prefilterOf(dialect: Dialect): Prefilter {
  const prefilter = prefilters.get(dialect) ?? new Prefilter(KEYWORDS[dialect]);
  prefilters.set(dialect, prefilter);
  return prefilter;
}
