import { LiveAuditError } from '../../../native/errors.ts';
import { checkStateDir } from '../../../tables/collector/state-dir.ts';
import { openTables } from '../../../tables/index.ts';
import { parseOptions } from '../options.ts';
import { FORMATS, type Format } from '../output.ts';
import { EmbeddedSql } from '../sql.ts';

const FLAGS = {
  json: { type: 'boolean' },
  csv: { type: 'boolean' },
  line: { type: 'boolean' },
  table: { type: 'boolean' },
} as const satisfies Record<Format, { type: 'boolean' }>;

/** `query "SQL"`: the tables through the SQLite that is in Node. */
export function query(args: readonly string[]): void {
  const { stateDir, flags, positionals } = parseOptions(args, FLAGS);
  const formats = (Object.keys(FORMATS) as Format[]).filter((name) => flags[name] === true);
  const [sql] = positionals;
  if (sql === undefined || positionals.length > 1)
    throw new LiveAuditError('USAGE', 'query takes one argument, the SQL in quotes');
  if (formats.length > 1)
    throw new LiveAuditError('USAGE', `one format, not ${formats.length}: ${formats.join(', ')}`);
  checkStateDir(stateDir);
  const tables = openTables(stateDir);
  const db = new EmbeddedSql(tables.all);
  try {
    process.stdout.write(FORMATS[formats[0] ?? 'table'](db.run(sql)));
  } finally {
    db.close();
    tables.close();
  }
}
