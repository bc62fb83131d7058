/** Own rules: regular expressions in RE2's syntax, which match in linear time, over bytes. */
import { RE2JS } from 're2js';
import { LiveAuditError } from '../../native/errors.ts';
import type { SpanSink } from './spans.ts';

export interface Rule {
  /** RE2's syntax. A group is what is secret; without one, all that matches. */
  readonly pattern: string;
  /** The rule is tried only on texts that hold this, byte for byte: a pattern takes 25 µs for 200 bytes. */
  readonly keyword: string;
}

/** Longer patterns are programs, and each text goes through them. */
export const MAX_PATTERN = 1000;
export const MAX_RULES = 32;

export interface OwnRule {
  readonly keyword: Buffer;
  find(text: Buffer, sink: SpanSink): void;
}

const MAX_REASON = 200;

/** Why a pattern cannot be used, in one line of ASCII; or null. */
export function patternProblem(pattern: string): string | null {
  try {
    const { source } = compiled(pattern);
    return source.matches('') ? 'must not match the empty text' : null;
  } catch (error) {
    const reason = error instanceof Error ? error.message : '';
    const line = reason.replace(/[^\x20-\x7e]+/g, ' ').slice(0, MAX_REASON);
    return `is no regular expression of RE2: ${line}`;
  }
}

function compiled(pattern: string): { source: RE2JS; groups: number } {
  const source = RE2JS.compile(pattern);
  return { source, groups: source.groupCount() };
}

/** @throws LiveAuditError CONFIG */
export function ownRule({ pattern, keyword }: Rule): OwnRule {
  const problem = patternProblem(pattern);
  if (problem !== null) throw new LiveAuditError('CONFIG', `redaction.rules: ${problem}`);
  const { source, groups } = compiled(pattern);
  return {
    keyword: Buffer.from(keyword),
    find: (text, sink) => {
      const matcher = source.matcher(text);
      while (matcher.find()) {
        if (groups === 0) sink.add(matcher.start(), matcher.end());
        for (let group = 1; group <= groups; group++)
          if (matcher.start(group) >= 0) sink.add(matcher.start(group), matcher.end(group));
      }
    },
  };
}
