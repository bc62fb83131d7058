/** What a server's CSV log says that clients asked: the statements that postgres_queries must have, no other. */

export interface Logged {
  readonly pid: number;
  readonly query: string;
  readonly protocol: 'simple' | 'extended' | 'fastpath' | null;
  /** Extended protocol: the name of the prepared statement. */
  readonly name: string | null;
  readonly user: string;
  readonly database: string;
  /** `[local]` or `address:port` */
  readonly from: string;
  readonly application: string;
  sqlstate: string | null;
  error: string | null;
  /** ms */
  duration: number | null;
  /** What DETAIL says of parameters, or null. */
  readonly parameters: string | null;
}

/** Columns of the log, the same from 10 to 18 as far as we look (documentation, "Using CSV-Format Log Output"). */
const COLUMN = {
  user: 1,
  database: 2,
  pid: 3,
  from: 4,
  tag: 7,
  severity: 11,
  sqlstate: 12,
  message: 13,
  detail: 14,
  query: 19,
  application: 22,
} as const;

/** Records of a CSV text; fields may hold newlines and doubled quotes. */
export function parseCsv(text: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  for (let at = 0; at < text.length; ) {
    let field = '';
    if (text[at] === '"') {
      for (at++; at < text.length; at++) {
        if (text[at] !== '"') field += text[at];
        else if (text[at + 1] === '"') field += text[at++];
        else break;
      }
      at++;
    } else {
      const end = text.slice(at).search(/[,\n]/);
      field = end < 0 ? text.slice(at) : text.slice(at, at + end);
      at += field.length;
    }
    record.push(field);
    if (text[at] === '\n' || at >= text.length) {
      records.push(record);
      record = [];
    }
    at++;
  }
  return records;
}

const SEVERITIES = new Set(['ERROR', 'FATAL', 'PANIC']);
/** A replication command that fails is in the log as a statement would be: DROP_REPLICATION_SLOT … */
const REPLICATION_COMMAND = /^[A-Z]+_[A-Z_]+\b/;

/** In the order of their end for each process: as the rows come. */
export function loggedStatements(csv: string): Logged[] {
  const done: Logged[] = [];
  const open = new Map<string, Logged>();
  const close = (pid: string) => {
    const statement = open.get(pid);
    open.delete(pid);
    if (statement) done.push(statement);
    return statement;
  };
  for (const record of parseCsv(csv)) {
    const field = (name: keyof typeof COLUMN) => record[COLUMN[name]] ?? '';
    const pid = field('pid');
    const message = field('message');
    if (field('from') === '') continue; // no client: a parallel worker's copy of its leader's error
    if (SEVERITIES.has(field('severity'))) {
      if (REPLICATION_COMMAND.test(field('query'))) continue;
      const statement =
        close(pid) ?? begin(record, failedQuery(field('query'), field('tag'), message));
      if (!statement) continue;
      if (!done.includes(statement)) done.push(statement);
      statement.sqlstate = field('sqlstate');
      statement.error = message;
      continue;
    }
    if (field('severity') !== 'LOG') continue;
    const duration = /^duration: ([\d.]+) ms$/.exec(message);
    if (duration) {
      if (field('tag') === 'PARSE' || field('tag') === 'BIND') continue;
      const statement = close(pid);
      if (statement) statement.duration = Number(duration[1]);
      continue;
    }
    const statement = begin(record, null);
    if (!statement) continue;
    close(pid);
    open.set(pid, statement);
  }
  return [...done, ...open.values()];
}

/** A function call in a transaction that is aborted: the log does not say of which function. */
export const REFUSED_CALL = 'fastpath function call';

/** Of an error that no statement is in the log for: what it ended. */
function failedQuery(query: string, tag: string, message: string): string | null {
  const unknown = /^function with OID (\d+) does not exist$/.exec(message);
  if (tag === '<FASTPATH>' && query === '' && !unknown) return REFUSED_CALL;
  if (unknown && tag === '<FASTPATH>') return `fastpath function call: (OID ${unknown[1]})`;
  return query === '' ? null : query;
}

const SIMPLE = /^statement: ([\s\S]*)$/;
const EXTENDED = /^execute (?:fetch from )?([\s\S]*?): ([\s\S]*)$/;
const FASTPATH = /^fastpath function call: .*$/;

/** @param failed its text, where the message is an error */
function begin(record: readonly string[], failed: string | null): Logged | null {
  const field = (name: keyof typeof COLUMN) => record[COLUMN[name]] ?? '';
  const message = field('message');
  const simple = failed === null ? SIMPLE.exec(message) : null;
  const extended = failed === null && !simple ? EXTENDED.exec(message) : null;
  const fastpath = failed === null && !simple && !extended ? FASTPATH.exec(message) : null;
  const query = failed ?? simple?.[1] ?? extended?.[2] ?? fastpath?.[0];
  if (query === undefined) return null;
  const named = extended?.[1]?.split('/')[0];
  const parameters = /^parameters: ([\s\S]*)$/i.exec(field('detail'));
  return {
    pid: Number(field('pid')),
    query,
    protocol: simple ? 'simple' : extended ? 'extended' : fastpath ? 'fastpath' : null,
    name: named === undefined ? null : named === '<unnamed>' ? '' : named,
    user: field('user'),
    database: field('database'),
    from: field('from'),
    application: field('application'),
    sqlstate: null,
    error: null,
    duration: null,
    parameters: parameters?.[1] ?? null,
  };
}

export interface LoggedValues {
  readonly query: string;
  readonly values: (string | null)[];
}

/** The statements of the extended protocol that did not fail, with their parameters, by process. */
export function loggedParameters(csv: string): Map<number, LoggedValues[]> {
  const byPid = new Map<number, LoggedValues[]>();
  for (const { pid, query, protocol, parameters, sqlstate } of loggedStatements(csv)) {
    if (protocol !== 'extended' || sqlstate !== null) continue;
    const statements = byPid.get(pid) ?? [];
    byPid.set(pid, [...statements, { query, values: parametersOf(parameters ?? '') }]);
  }
  return byPid;
}

/** `$1 = 'it''s', $2 = NULL` */
function parametersOf(detail: string): (string | null)[] {
  const values: (string | null)[] = [];
  for (const [, text] of detail.matchAll(/\$\d+ = (?:NULL|'((?:[^']|'')*)')/g))
    values.push(text === undefined ? null : text.replaceAll("''", "'"));
  return values;
}
