/* One session, one story: what was typed into a shell, and what the database clients that were started from it
   asked of the servers on this machine, in the order of time. Which shell: the condition of `typed`.

     live_audit.ext query "$(cat session_story.sql)"

   A client's statements are found by its connection's time and name: they began while the command ran that names
   the client. `others` counts commands of other shells to which a statement could belong as well: 0 is certain.
   docs/session-story.md has the query that follows a client's own connection while it is open. */
WITH typed AS (
  SELECT *, time_ns + coalesce(duration, 0) AS end_ns
  FROM shell_history_live
  WHERE pid IN (SELECT pid FROM shell_history_live ORDER BY eid DESC LIMIT 1) /* or session_id = 3, tty = 'pts0' … */
),
asked AS (
  SELECT
    'postgres' AS kind, q.eid, q.time_ns, q.query, q.sqlstate AS failed, q.rows, q.user, q.database, q.pid AS server_pid,
    /* psql, pg_dump and their like connect under their own names */
    coalesce(nullif(q.application_name, ''), 'psql') AS client
  FROM postgres_queries q
  UNION ALL
  SELECT
    'mysql', q.eid, q.time_ns, q.query, q.sqlstate, coalesce(nullif(q.rows_sent, 0), q.rows_affected, q.rows_sent),
    q.user, q.database, q.connection_id, NULL
  FROM mysql_queries q
),
/* Which command names which client. mysql_queries knows no program: any client of that family. */
ran AS (
  SELECT a.*, t.pid AS shell_pid, t.eid AS typed_eid
  FROM typed t
  JOIN asked a ON a.time_ns BETWEEN t.time_ns AND t.end_ns
  WHERE CASE a.kind
    WHEN 'postgres' THEN instr(t.command, a.client) > 0
    ELSE t.command LIKE '%mysql%' OR t.command LIKE '%mariadb%'
  END
)
SELECT
  datetime(time_ns / 1000000000, 'unixepoch') AS time, kind, pid, who, text, result, others
FROM (
  SELECT
    time_ns, 'shell' AS kind, pid, 'uid ' || uid || ' (login ' || auid || ') ' || coalesce(tty, '') AS who,
    coalesce(expanded, command) AS text, coalesce('exit ' || exit_code, status) AS result, 0 AS others,
    eid AS typed_eid, 0 AS step
  FROM typed
  UNION ALL
  SELECT
    r.time_ns, r.kind, r.server_pid, coalesce(r.user, '') || '@' || coalesce(r.database, ''), r.query,
    coalesce('error ' || r.failed, r.rows || ' rows'),
    (
      SELECT count(*)
      FROM shell_history_live o
      WHERE o.pid <> r.shell_pid
        AND r.time_ns BETWEEN o.time_ns AND o.time_ns + coalesce(o.duration, 0)
        AND CASE r.kind
          WHEN 'postgres' THEN instr(o.command, r.client) > 0
          ELSE o.command LIKE '%mysql%' OR o.command LIKE '%mariadb%'
        END
    ),
    r.typed_eid, 1
  FROM ran r
)
ORDER BY typed_eid, step, time_ns;
