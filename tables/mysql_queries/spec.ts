/** mysql_queries: the one source of its columns. */
import { defineTable, type RowOf } from '../../extension/sdk/spec.ts';

export const spec = defineTable({
  name: 'mysql_queries',
  description:
    'What clients asked of MySQL and MariaDB servers, and what came of it: each command once, prepared statements with their text.',
  evented: true,
  notes: `A row is one command that a client sent, or one statement of a command that holds several; it appears
when the server is done with it and never changes. What runs inside of it (stored procedures, functions,
triggers) is part of it. Events and replication give no row; ping, quit and statistics only where the config key
mysql.all_commands wants them.

COM_STMT_EXECUTE, COM_STMT_FETCH, COM_STMT_RESET and COM_STMT_CLOSE show the text that was prepared; where that
was before the capture began, query is NULL; and so it may be where a collector took over a server with thousands
of connections (docs/decisions/2026-11-21-mysql-hooks.md). What a build does not let us know is NULL, and live_audit_probes
says why. Passwords that clients log in with are never captured; those in the text of a statement are text.

MariaDB 10.2, 10.11 and 11.4 and MySQL 5.6 are what it was tested with. Of MySQL 5.7, 8.0, 8.4 and 9.x there was no build to
be had: for them it was tested against a stand-in with the functions and structures of the published headers.`,
  columns: [
    {
      name: 'eid',
      type: 'BIGINT',
      push: 'range',
      description:
        'Number of the event in this table, in the order in which statements ended. Never used again; without gaps unless a loss is recorded in live_audit_rings.',
    },
    {
      name: 'time',
      type: 'BIGINT',
      push: 'range',
      description: 'When the server began with it. Unix time, s.',
    },
    {
      name: 'time_ns',
      type: 'BIGINT',
      push: 'range',
      description: 'When the server began with it. Unix time, ns.',
    },
    {
      name: 'uptime',
      type: 'BIGINT',
      description: 'When the server began with it: time since boot, suspend included, s.',
    },
    {
      name: 'pid',
      type: 'BIGINT',
      push: 'equal',
      description: 'Process of the server, as the host numbers it.',
    },
    {
      name: 'tid',
      type: 'BIGINT',
      description: 'Thread of the server on which it began, as the host numbers it.',
    },
    {
      name: 'connection_id',
      type: 'BIGINT',
      push: 'equal',
      description:
        'The connection, as CONNECTION_ID() and the process list show it. NULL if not known.',
    },
    {
      name: 'command',
      type: 'TEXT',
      description: 'The command of the protocol: COM_QUERY, COM_STMT_EXECUTE, COM_INIT_DB …',
    },
    {
      name: 'query',
      type: 'TEXT',
      description:
        'The statement as the client sent it; of prepared ones the text that was prepared; of COM_INIT_DB the database; of COM_FIELD_LIST the table. Bytes that are not UTF-8 are shown as \\xHH. NULL if the command has none, or it is not known.',
    },
    {
      name: 'query_length',
      type: 'BIGINT',
      description: 'Length of query, bytes, also where it was cut. NULL if query has none.',
    },
    {
      name: 'truncated',
      type: 'INTEGER',
      description: '1 if query is not the whole text, else 0.',
    },
    {
      name: 'fingerprint',
      type: 'TEXT',
      push: 'equal',
      description:
        'Hash of normalized in hex: the same for statements that differ in values only, prepared or not. Computed when asked for. NULL without query, and where it was cut.',
    },
    {
      name: 'normalized',
      type: 'TEXT',
      hidden: true,
      description:
        'query with ? for its values and ... for lists of them, without comments, words in lower case. Computed when asked for. NULL as fingerprint is.',
    },
    {
      name: 'parameters',
      type: 'TEXT',
      description:
        'What a prepared statement was executed with: a JSON array of numbers, texts (dates, times and decimals, too), null, {"hex"} of bytes that are no text, {"length"} of one without room; of a bulk execution an array for each row. NULL unless switched on in the config, and if not known.',
    },
    {
      name: 'statement',
      type: 'TEXT',
      hidden: true,
      description:
        'query with the values of parameters put in, as one could send it; ? stays where a value is not known. Computed when asked for. NULL without parameters, and of bulk executions.',
    },
    {
      name: 'status',
      type: 'TEXT',
      description:
        'How the command returned: SUCCESS (also where it failed with an error, see error_code), CLOSE_CONNECTION, WOULDBLOCK; V57_FAILED: the connection ends, from MySQL 5.7 on; NOT_CAPTURED: the server ended in its midst.',
    },
    {
      name: 'return_code',
      type: 'INTEGER',
      description: 'The number behind status: 0, 1, 2; -2 for V57_FAILED, -1 for NOT_CAPTURED.',
    },
    {
      name: 'error_code',
      type: 'INTEGER',
      description: 'Number of the error that the client was sent, 0 if none. NULL if not known.',
    },
    {
      name: 'sqlstate',
      type: 'TEXT',
      description: 'SQLSTATE of that error. NULL without one.',
    },
    { name: 'error', type: 'TEXT', description: 'Its message. NULL without one.' },
    {
      name: 'rows_sent',
      type: 'BIGINT',
      description:
        'Rows that the client was sent by COM_QUERY or an execution. NULL of other commands, and if not known.',
    },
    {
      name: 'rows_affected',
      type: 'BIGINT',
      description:
        'Rows that were changed, as the client was told. NULL of statements that give rows, of errors, and if not known.',
    },
    {
      name: 'duration',
      type: 'BIGINT',
      description: 'From the command’s begin in the server to its end, ns. NULL if not known.',
    },
    {
      name: 'user',
      type: 'TEXT',
      push: 'equal',
      description: 'User that the connection logged in as. NULL if not known.',
    },
    {
      name: 'host',
      type: 'TEXT',
      description: 'Host or address that the client connected from. NULL if not known.',
    },
    {
      name: 'database',
      type: 'TEXT',
      push: 'equal',
      description: 'Current database when the statement began. NULL without one, and if not known.',
    },
    {
      name: 'flavor',
      type: 'TEXT',
      description: 'mysql or mariadb. NULL if not known.',
    },
    { name: 'server_path', type: 'TEXT', description: 'Path of the server program.' },
    {
      name: 'server_version',
      type: 'TEXT',
      description: 'Version as the server tells it, such as 10.11.6-MariaDB. NULL if not known.',
    },
    {
      name: 'container_id',
      type: 'TEXT',
      description: 'Id of the container that the server runs in. NULL outside of containers.',
    },
  ],
  examples: [
    'SELECT time, user, database, query, rows_sent, duration / 1000000 AS ms FROM mysql_queries ORDER BY eid DESC LIMIT 20',
    'SELECT user, host, error_code, sqlstate, error, query FROM mysql_queries WHERE error_code <> 0',
    "SELECT user, count(*) AS n, max(duration) AS slowest FROM mysql_queries WHERE command IN ('COM_QUERY', 'COM_STMT_EXECUTE') GROUP BY user",
  ],
});

export type MysqlRow = RowOf<typeof spec>;
