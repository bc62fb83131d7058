import { LiveAuditError } from '../../../native/errors.ts';
import { type LogReport, logTables, readLogs } from '../../../tables/audit/log-tables.ts';
import { type AuditTable, auditSpecs, type RowSink } from '../../../tables/audit/rows.ts';
import { guardedRedactor, textWithheld } from '../../../tables/redact/guarded.ts';
import type { Redactor } from '../../../tables/redact/redactor.ts';
import { JsonLines, JsonOutput } from '../json-lines.ts';
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

/** What is read, and how. */
interface Reader {
  readonly files: readonly string[];
  readonly maxText: number;
  readonly redactor: Redactor | undefined;
}

/**
 * `audit-parse FILE…`: the rows that the audit tables would have had, from files as auditd writes them: a JSON
 * object a line with the table's name before its columns, or with `--sql` what SQL over these tables gives. Secrets
 * are taken out as in the tables themselves, if the config does not say otherwise.
 */
export function auditParse(args: readonly string[]): void {
  const { loaded, flags, positionals } = parseOptions(args, {
    ...FLAGS,
    sql: { type: 'string' },
    only: { type: 'string' },
    'no-redact': { type: 'boolean' },
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
  const { max_text, redaction } = loaded.config;
  let withheld: unknown = null;
  const isRedacted = redaction.on && flags['no-redact'] !== true;
  const redactor = isRedacted
    ? guardedRedactor('shell', redaction, (error) => {
        withheld = error;
      })
    : undefined;
  const reader: Reader = { files: positionals, maxText: max_text, redactor };
  try {
    if (typeof sql === 'string') ask(reader, sql, formats[0] ?? 'table');
    else print(reader, tables);
    if (withheld !== null) log(textWithheld(withheld));
  } catch (error) {
    const { code, path, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    throw new LiveAuditError('AUDIT_LOG', `${path ?? positionals.join(', ')}: ${code}`, {
      cause: error,
    });
  }
}

function ask({ files, maxText, redactor }: Reader, sql: string, format: Format): void {
  const db = new EmbeddedSql(logTables(files, maxText, redactor));
  try {
    process.stdout.write(FORMATS[format](db.run(sql)));
  } finally {
    db.close();
  }
}

function print({ files, maxText, redactor }: Reader, tables: readonly AuditTable[]): void {
  const output = new JsonOutput((bytes) => process.stdout.write(bytes));
  const lines = new Map(
    auditSpecs
      .filter(({ name }) => tables.includes(name))
      .map((spec) => [spec.name as string, new JsonLines(spec, output)]),
  );
  const sink: RowSink = (table, row) => lines.get(table)?.add(row);
  const reading = readLogs(files, maxText, sink, redactor);
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
