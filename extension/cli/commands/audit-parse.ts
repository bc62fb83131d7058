import { LiveAuditError } from '../../../native/errors.ts';
import { type LogReport, logTables, readLogs } from '../../../tables/audit/log-tables.ts';
import { type AuditTable, auditSpecs } from '../../../tables/audit/rows.ts';
import type { TableSpec, Value } from '../../sdk/spec.ts';
import { log } from '../log.ts';
import { parseOptions } from '../options.ts';
import { FORMATS, type Format } from '../output.ts';
import { EmbeddedSql } from '../sql.ts';

const FLAGS = {
  json: { type: 'boolean' },
  csv: { type: 'boolean' },
  line: { type: 'boolean' },
  table: { type: 'boolean' },
} as const satisfies Record<Format, { type: 'boolean' }>;

/** Written at once. */
const BATCH_BYTES = 256 * 1024;

/**
 * `audit-parse FILE…`: the rows that the audit tables would have had, from files as auditd writes them: a JSON
 * object a line with the table's name before its columns, or with `--sql` what SQL over these tables gives.
 */
export function auditParse(args: readonly string[]): void {
  const { loaded, flags, positionals } = parseOptions(args, {
    ...FLAGS,
    sql: { type: 'string' },
    only: { type: 'string' },
  });
  if (positionals.length === 0)
    throw new LiveAuditError('USAGE', 'audit-parse takes the files to read, oldest first');
  const formats = (Object.keys(FORMATS) as Format[]).filter((name) => flags[name] === true);
  const { sql, only } = flags;
  if (formats.length > 1)
    throw new LiveAuditError('USAGE', `one format, not ${formats.length}: ${formats.join(', ')}`);
  if (typeof sql !== 'string' && formats.some((format) => format !== 'json'))
    throw new LiveAuditError('USAGE', `--${formats[0]} goes with --sql`);
  const tables = auditSpecs
    .map(({ name }) => name)
    .filter((name) => [undefined, name].includes(only as AuditTable));
  if (tables.length === 0) {
    const names = auditSpecs.map(({ name }) => name).join(', ');
    throw new LiveAuditError('USAGE', `no audit table ${only}: ${names}`);
  }
  const { max_text } = loaded.config;
  try {
    if (typeof sql === 'string') ask(positionals, max_text, sql, formats[0] ?? 'table');
    else print(positionals, max_text, tables);
  } catch (error) {
    const { code, path, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    throw new LiveAuditError('AUDIT_LOG', `${path ?? positionals.join(', ')}: ${code}`, {
      cause: error,
    });
  }
}

function ask(files: readonly string[], maxText: number, sql: string, format: Format): void {
  const db = new EmbeddedSql(logTables(files, maxText));
  try {
    process.stdout.write(FORMATS[format](db.run(sql)));
  } finally {
    db.close();
  }
}

function print(files: readonly string[], maxText: number, tables: readonly AuditTable[]): void {
  const writers = new Map(
    auditSpecs
      .filter(({ name }) => tables.includes(name))
      .map((spec) => [spec.name as string, new JsonLines(spec)]),
  );
  const output = new Output();
  const reading = readLogs(files, maxText, (table, row) => {
    const writer = writers.get(table);
    if (writer) output.write(writer.line(row));
  });
  let step = reading.next();
  while (!step.done) step = reading.next();
  output.flush();
  report(step.value);
}

/** What was not whole, one line. */
function report({ lines, events, malformed, repeated, incomplete, missing }: LogReport): void {
  if (malformed + repeated + incomplete + missing === 0) return;
  log(
    `${lines} lines, ${events} events; ${malformed} records malformed, ${repeated} repeated, ${incomplete} events incomplete, ${missing} serial numbers missing`,
  );
}

/** Standard output, in batches. A text is bytes at once: kept as they are, thousands of them cost the collector dear. */
class Output {
  readonly #bytes = Buffer.allocUnsafe(BATCH_BYTES);
  #length = 0;

  write(text: string): void {
    const most = text.length * 3; // a UTF-16 unit is at most 3 bytes of UTF-8
    if (this.#length + most > BATCH_BYTES) this.flush();
    if (most > BATCH_BYTES) process.stdout.write(text);
    else this.#length += this.#bytes.write(text, this.#length);
  }

  flush(): void {
    // A copy: what is not written yet stays as it is.
    process.stdout.write(Buffer.from(this.#bytes.subarray(0, this.#length)));
    this.#length = 0;
  }
}

/** Rows of one table as JSON, an object a line. */
class JsonLines {
  readonly #names: readonly string[];
  readonly #eid: number;
  readonly #head: string;
  #count = 0;

  constructor(spec: TableSpec) {
    this.#head = `{"table":${JSON.stringify(spec.name)}`;
    this.#names = spec.columns.map(({ name }) => `,${JSON.stringify(name)}:`);
    this.#eid = spec.columns.findIndex(({ name }) => name === 'eid');
  }

  line(row: readonly Value[]): string {
    let text = this.#head;
    this.#count++;
    for (let i = 0; i < this.#names.length; i++) {
      const value = i === this.#eid ? this.#count : (row[i] ?? null);
      text += this.#names[i];
      text += typeof value === 'string' ? jsonText(value) : String(value);
    }
    return `${text}}\n`;
  }
}

/** Printable ASCII but for the quote and the backslash: nearly all, and then no call is needed. */
const PLAIN = /^[ !#-[\]-~]*$/;

const jsonText = (value: string): string =>
  PLAIN.test(value) ? `"${value}"` : JSON.stringify(value);
