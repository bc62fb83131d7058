/** postgres_queries: every statement that clients ask of PostgreSQL. */
import { defineTable, type RowOf } from '../../extension/sdk/spec.ts';

export const spec = defineTable({
  name: 'postgres_queries',
  description: 'Statements that clients asked of PostgreSQL servers, with what came of them.',
  evented: true,
  notes:
    'One row for each Query message (several statements in one text are one row, as in the server’s log), each Execute of the extended protocol and each function call, when it is over. PostgreSQL 10 to 18; what functions, triggers, parallel workers, autovacuum and replication do inside is no row of its own, nor is what a pooler or a foreign server asks elsewhere. An Execute that stops at its row limit is a row, and the next one that goes on. Of a version that is not known there are texts, times and clients, but no tags, rows, SQLSTATEs and messages: live_audit_probes says so.',
  columns: [
    {
      name: 'eid',
      type: 'BIGINT',
      push: 'range',
      description: 'Number of the event: unique, growing, never used again.',
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
      description:
        'When the server began with it, by its clock to the µs. Unix time, ns; when it ended where the begin is not known (duration is NULL).',
    },
    {
      name: 'uptime',
      type: 'BIGINT',
      description: 'The same as time since boot, suspend included, s.',
    },
    {
      name: 'pid',
      type: 'BIGINT',
      push: 'equal',
      description: 'Process of the connection (backend), as the host numbers it.',
    },
    {
      name: 'uid',
      type: 'BIGINT',
      description: 'User that the server runs as. NULL if not known.',
    },
    {
      name: 'query',
      type: 'TEXT',
      description:
        'The text as the client sent it. Bytes that are not UTF-8 are shown as \\xHH. Of a function call: fastpath function call and the function. NULL if it could not be read.',
    },
    {
      name: 'query_length',
      type: 'BIGINT',
      description: 'Length of the text, bytes, also where query was cut. NULL if not known.',
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
        'Hash of the normalized text, by PostgreSQL’s own parser (libpg_query), in hex: the same for statements that differ in constants only. Computed when asked for. NULL if the text does not parse, was cut, or is longer than 65536 characters.',
    },
    {
      name: 'normalized',
      type: 'TEXT',
      hidden: true,
      description:
        'The text with $1, $2 … for its constants. Computed when asked for. NULL where fingerprint is.',
    },
    {
      name: 'protocol',
      type: 'TEXT',
      description:
        'simple (a Query message), extended (Parse, Bind, Execute) or fastpath (FunctionCall). NULL if not known.',
    },
    {
      name: 'statement_name',
      type: 'TEXT',
      description:
        'Name of the prepared statement, extended protocol only; empty for the unnamed one. NULL if not known, as of a statement that failed before it was executed, or where two prepared statements of the same text run in turns.',
    },
    {
      name: 'parameters',
      type: 'TEXT',
      description:
        'Values bound to $1, $2 …: a JSON array. Texts as they were sent; binary values of common types as PostgreSQL writes them, of others {"oid", "hex"}; {"length"} of one that has no room. NULL unless parameters are switched on in the config, and for Bind messages over 1 MiB.',
    },
    {
      name: 'command_tag',
      type: 'TEXT',
      description:
        'What was done, as the server names it: SELECT, INSERT, CREATE TABLE. Of several statements that of the last. NULL if it failed, was empty, or its portal has more rows to give.',
    },
    {
      name: 'rows',
      type: 'BIGINT',
      description: 'Rows that the command tag counts. NULL for commands that count none.',
    },
    {
      name: 'duration',
      type: 'BIGINT',
      description: 'From begin to end in the server, ns. NULL if not known.',
    },
    {
      name: 'sqlstate',
      type: 'TEXT',
      description: 'Code of the error that ended it. NULL if there was none.',
    },
    {
      name: 'error',
      type: 'TEXT',
      description: 'Message of the error that ended it, or the signal that ended its process.',
    },
    {
      name: 'user',
      type: 'TEXT',
      push: 'equal',
      description: 'User that the connection logged in as. NULL if not known.',
    },
    {
      name: 'database',
      type: 'TEXT',
      push: 'equal',
      description: 'Database of the connection. NULL if not known.',
    },
    {
      name: 'application_name',
      type: 'TEXT',
      description: 'application_name of the connection at the end of the statement.',
    },
    {
      name: 'client_address',
      type: 'TEXT',
      description: 'IP address of the client; [local] for a Unix socket. NULL if not known.',
    },
    {
      name: 'client_port',
      type: 'INTEGER',
      description: 'TCP port of the client. NULL for a Unix socket.',
    },
    { name: 'server_path', type: 'TEXT', description: 'Path of the server’s executable.' },
    {
      name: 'server_version',
      type: 'TEXT',
      description: 'Version as SHOW server_version gives it. NULL if not known.',
    },
    {
      name: 'container_id',
      type: 'TEXT',
      description: 'Id of the container that the server runs in. NULL outside of containers.',
    },
  ],
  examples: [
    'SELECT time, user, database, query, duration / 1000000.0 AS ms FROM postgres_queries ORDER BY eid DESC LIMIT 20',
    "SELECT user, client_address, sqlstate, error, query FROM postgres_queries WHERE sqlstate LIKE '28%' OR sqlstate = '42501'",
    'SELECT fingerprint, count(*) AS calls, sum(duration) / 1000000 AS ms, min(query) AS example FROM postgres_queries GROUP BY fingerprint ORDER BY ms DESC LIMIT 10',
  ],
});

export type PostgresRow = RowOf<typeof spec>;
