import { EVERY, type EventQuery, type Pack, READS_NEW } from './pack.ts';

const TABLES = ['postgres_queries', 'mysql_queries'];

const POSTGRES_WHO = [
  'pid',
  'user',
  'database',
  'application_name',
  'client_address',
  'client_port',
];
const MYSQL_WHO = ['pid', 'connection_id', 'user', 'host', 'database'];

/** ns */
const SLOW = 1_000_000_000;
const BULK_ROWS = 10_000;

const BOTH_SAY = 'One query each for PostgreSQL and for MySQL and MariaDB.';

type Part = Pick<EventQuery, 'name' | 'description' | 'why' | 'interval'> & {
  readonly columns: readonly string[];
  readonly where: string;
};

const postgres = ({ columns, ...part }: Part): EventQuery => ({
  kind: 'events',
  cost: READS_NEW,
  table: 'postgres_queries',
  ...part,
  columns: [...POSTGRES_WHO, 'query', 'truncated', ...columns, 'container_id'],
});

const mysql = ({ columns, ...part }: Part): EventQuery => ({
  kind: 'events',
  cost: READS_NEW,
  table: 'mysql_queries',
  ...part,
  columns: [...MYSQL_WHO, 'command', 'query', 'truncated', ...columns, 'flavor', 'container_id'],
});

export const failed: Pack = {
  name: 'live-audit-failed-queries',
  title: 'failed queries',
  about: `Statements that ended with an error. ${BOTH_SAY}`,
  tables: TABLES,
  queries: [
    postgres({
      name: 'postgres_failed',
      description: 'Statements of PostgreSQL that failed.',
      why: 'SQLSTATE 42501 is a missing right, 42P01 a table that is not there, 42601 a syntax error: many of the last two from one client are somebody who probes for an injection. A login that fails is no statement and not here.',
      interval: EVERY.fiveMinutes,
      columns: ['sqlstate', 'error'],
      where: 'sqlstate IS NOT NULL',
    }),
    mysql({
      name: 'mysql_failed',
      description: 'Commands of MySQL and MariaDB that failed.',
      why: 'Error 1142 and 1044 are missing rights, 1146 a table that is not there, 1064 a syntax error: many of the last two from one client are somebody who probes for an injection.',
      interval: EVERY.fiveMinutes,
      columns: ['error_code', 'sqlstate', 'error'],
      where: 'error_code <> 0',
    }),
  ],
};

/** First words of statements that change a schema, a right or a user. */
const DEFINING = ['CREATE', 'ALTER', 'DROP', 'TRUNCATE', 'RENAME', 'GRANT', 'REVOKE'];
/** The text without the spaces, tabs and newlines before it. */
const TEXT = 'ltrim(query, char(9, 10, 13, 32))';
/** The text without comments, where it is whole. */
const PLAIN = 'coalesce(normalized, query)';
const anyOf = (column: string, words: readonly string[]): string =>
  `(${words.map((word) => `${column} LIKE '${word}%'`).join(' OR ')})`;

export const ddl: Pack = {
  name: 'live-audit-ddl-grants',
  title: 'DDL and grants',
  about: `What changed schemas, rights and users. ${BOTH_SAY}`,
  tables: TABLES,
  queries: [
    postgres({
      name: 'postgres_ddl_and_grants',
      description: 'CREATE, ALTER, DROP, TRUNCATE, GRANT, REVOKE and their like, also failed ones.',
      why: 'New users, new rights and dropped tables should match a change that somebody announced. Found by the server’s own command tag and by the first word of the text, so a comment before it hides nothing but a failure. Of several statements in one text the tag is that of the last. Passwords in them are redacted.',
      interval: EVERY.minute,
      columns: ['command_tag', 'sqlstate'],
      where: `(${anyOf('command_tag', [...DEFINING, 'REASSIGN', 'SECURITY LABEL'])} OR ${anyOf(TEXT, DEFINING)})`,
    }),
    mysql({
      name: 'mysql_ddl_and_grants',
      description:
        'CREATE, ALTER, DROP, TRUNCATE, RENAME, GRANT, REVOKE, SET PASSWORD, also failed ones.',
      why: 'New users, new rights and dropped tables should match a change that somebody announced. Found by the first words of the text without its comments. What a stored procedure or PREPARE … FROM runs is no row of its own. Passwords in them are redacted.',
      interval: EVERY.minute,
      columns: ['error_code'],
      where: `command IN ('COM_QUERY', 'COM_STMT_EXECUTE') AND ${anyOf(PLAIN, [...DEFINING, 'SET PASSWORD'])}`,
    }),
  ],
};

export const slow: Pack = {
  name: 'live-audit-slow-queries',
  title: 'slow queries',
  about: `Statements that took a second or longer. ${BOTH_SAY}`,
  tables: TABLES,
  queries: [
    postgres({
      name: 'postgres_slow',
      description: 'Statements of PostgreSQL of at least one second.',
      why: 'The server’s slow log without a restart, and with who asked. `duration` is ns; for a cursor it is the time of one fetch.',
      interval: EVERY.fiveMinutes,
      columns: ['command_tag', 'rows', 'duration'],
      where: `duration >= ${SLOW}`,
    }),
    mysql({
      name: 'mysql_slow',
      description: 'Commands of MySQL and MariaDB of at least one second.',
      why: 'The server’s slow log without a restart, and with who asked. `duration` is ns; waiting for locks is part of it.',
      interval: EVERY.fiveMinutes,
      columns: ['rows_sent', 'rows_affected', 'duration'],
      where: `duration >= ${SLOW}`,
    }),
  ],
};

export const bulk: Pack = {
  name: 'live-audit-bulk-reads',
  title: 'bulk reads',
  about: `Statements that gave ten thousand rows or more. ${BOTH_SAY}`,
  tables: TABLES,
  queries: [
    postgres({
      name: 'postgres_bulk_reads',
      description: 'Statements of PostgreSQL that read at least 10,000 rows.',
      why: 'Whole tables leave by SELECT, by COPY and by cursors. Backups (pg_dump) and reports are in it: leave out their user by a condition of your own. COPY counts the rows it wrote into a table too. A cursor that fetches fewer at a time stays below the bound.',
      interval: EVERY.fiveMinutes,
      columns: ['command_tag', 'rows', 'duration'],
      where: `rows >= ${BULK_ROWS} AND command_tag IN ('SELECT', 'COPY', 'FETCH')`,
    }),
    mysql({
      name: 'mysql_bulk_reads',
      description: 'Commands of MySQL and MariaDB that sent at least 10,000 rows.',
      why: 'Whole tables leave by SELECT. Backups (mysqldump) and reports are in it: leave out their user by a condition of your own. SELECT … INTO OUTFILE sends no rows and is not in it.',
      interval: EVERY.fiveMinutes,
      columns: ['rows_sent', 'duration'],
      where: `rows_sent >= ${BULK_ROWS}`,
    }),
  ],
};

const wholeRing = (worst: string): string =>
  `Reads all events that the ring holds and parses each distinct text: at worst, a full ring of texts that all differ, ${worst} of CPU. osquery keeps a row for each user, database and fingerprint.`;

const fingerprints = (table: string): string =>
  `SELECT DISTINCT user, database, fingerprint FROM ${table} WHERE fingerprint IS NOT NULL`;

export const fingerprint: Pack = {
  name: 'live-audit-new-fingerprints',
  title: 'new fingerprints',
  about: `Statements of a form that a user has not asked before: an application asks the same few hundred forms all its life, so a new one is a release, a person, or somebody else. ${BOTH_SAY} The first run tells them all. “Before” is what the ring holds: a form that was not asked for so long that its last event was overwritten is new when it comes again; a larger \`ring_bytes\` remembers longer.`,
  tables: TABLES,
  queries: [
    {
      kind: 'changes',
      name: 'postgres_new_fingerprints',
      description: 'Forms of statements that are new for a user and database of PostgreSQL.',
      why: "What it is: SELECT time, query FROM postgres_queries WHERE fingerprint = '…'. The text is not in the row, because a row that changed would be logged again.",
      cost: wholeRing('3.4 s'),
      interval: EVERY.hour,
      sql: fingerprints('postgres_queries'),
    },
    {
      kind: 'changes',
      name: 'mysql_new_fingerprints',
      description: 'Forms of statements that are new for a user and database of MySQL or MariaDB.',
      why: "What it is: SELECT time, query FROM mysql_queries WHERE fingerprint = '…'. The text is not in the row, because a row that changed would be logged again.",
      cost: wholeRing('0.5 s'),
      interval: EVERY.hour,
      sql: fingerprints('mysql_queries'),
    },
  ],
};
