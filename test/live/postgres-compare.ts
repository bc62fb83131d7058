/** Rows against the statements of a server's log. */
import type { CollectorProcess, Row } from './collector-process.ts';
import { type Logged, loggedStatements, REFUSED_CALL } from './postgres-log.ts';
import type { PostgresServer } from './postgres-server.ts';

/** A row as the log would have it; `name` and `protocol` where the log cannot tell are taken from it. */
function comparable(row: Row): Record<string, unknown> {
  return {
    query: row.query,
    protocol: row.protocol,
    name: row.statement_name,
    user: row.user,
    database: row.database,
    from:
      row.client_port === null ? row.client_address : `${row.client_address}:${row.client_port}`,
    application: row.application_name,
    sqlstate: row.sqlstate,
    error: row.error,
  };
}

function expected(logged: Logged, row: Row | undefined): Record<string, unknown> {
  const { pid: _, duration: __, parameters: ___, ...rest } = logged;
  const renames = /application_name|reset all|discard all/i.test(logged.query);
  return {
    ...rest,
    // Names are known of the functions that libpq calls.
    query:
      logged.query === REFUSED_CALL
        ? row?.query
        : logged.query.replace(/^(fastpath function call: )"random" /, '$1'),
    // A statement that the parser or Bind refused is in the log as an error alone.
    protocol: logged.protocol ?? row?.protocol,
    name: logged.protocol === null ? row?.statement_name : logged.name,
    application: renames ? row?.application_name : logged.application,
  };
}

/** All that clients asked of the server so far is a row, in its order, and nothing else is. */
export async function compare(
  collector: CollectorProcess,
  server: PostgresServer,
): Promise<{ logged: Logged[]; rows: Row[] }> {
  const logged = loggedStatements(await server.log());
  const pids = [...new Set(logged.map(({ pid }) => pid))];
  const sql = `SELECT * FROM postgres_queries WHERE pid IN (${pids.join(', ')}) ORDER BY eid`;
  const rows = await collector.rows(sql, logged.length, 30_000);
  const ours = pids.flatMap((pid) => rows.filter((row) => row.pid === pid));
  const theirs = pids.flatMap((pid) => logged.filter((statement) => statement.pid === pid));
  expect(ours.map(comparable)).toEqual(theirs.map((log, i) => expected(log, ours[i])));
  return { logged, rows };
}
