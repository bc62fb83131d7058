/* One session, while its database clients are connected: which shell started which client, and what that asked.
   For osquery, which knows processes and their sockets:

     osqueryi --extension live_audit.ext --extensions_require=live_audit "$(cat session_clients.sql)"

   Which shell: the condition of `shells`. A client of PostgreSQL over TCP is known by its port. Through a unix
   socket, and for MySQL, whose server tells no port, the client's name and time are what is left; `others` counts
   the running clients of that name that it could have been as well: 0 is certain. */
WITH RECURSIVE
shells AS (
  SELECT pid, auid, tty
  FROM shell_history_live
  WHERE pid IN (SELECT pid FROM shell_history_live ORDER BY eid DESC LIMIT 1) /* or session_id = 3, tty = 'pts0' … */
  GROUP BY pid
),
/* All that runs below a shell, over sudo and scripts. Its start is rounded, to one second or the next. */
clients (shell, auid, tty, pid, name, cmdline, began) AS (
  SELECT s.pid, s.auid, s.tty, p.pid, p.name, p.cmdline, p.start_time - 1
  FROM shells s
  JOIN processes p ON p.parent = s.pid
  UNION
  SELECT c.shell, c.auid, c.tty, p.pid, p.name, p.cmdline, p.start_time - 1
  FROM clients c
  JOIN processes p ON p.parent = c.pid
),
sockets AS (
  SELECT o.pid, o.local_port, o.local_address
  FROM clients c
  JOIN process_open_sockets o ON o.pid = c.pid
  WHERE o.family IN (2, 10) AND o.remote_port > 0 /* IPv4, IPv6; connected */
),
asked AS (
  SELECT c.*, 'postgres' AS kind, 'port' AS matched, q.time_ns, q.user, q.database, q.query, q.sqlstate
  FROM clients c
  JOIN sockets o ON o.pid = c.pid
  JOIN postgres_queries q
    ON q.client_port = o.local_port
    AND replace(q.client_address, '::ffff:', '') = replace(o.local_address, '::ffff:', '')
  WHERE q.time >= c.began
  UNION ALL
  SELECT c.*, 'postgres', 'name', q.time_ns, q.user, q.database, q.query, q.sqlstate
  FROM clients c
  JOIN postgres_queries q ON q.application_name = c.name
  WHERE q.client_address = '[local]' AND q.time >= c.began AND c.pid NOT IN (SELECT pid FROM sockets)
  UNION ALL
  SELECT c.*, 'mysql', 'name', q.time_ns, q.user, q.database, q.query, q.sqlstate
  FROM clients c
  JOIN mysql_queries q ON q.time >= c.began
  WHERE c.name IN ('mysql', 'mariadb') AND (q.host = 'localhost' OR c.pid IN (SELECT pid FROM sockets))
)
SELECT
  datetime(time_ns / 1000000000, 'unixepoch') AS time, shell, auid, tty, pid AS client, cmdline, kind,
  coalesce(user, '') || '@' || coalesce(database, '') AS who, query, sqlstate, matched,
  CASE matched
    WHEN 'port' THEN 0
    ELSE (SELECT count(*) FROM processes p WHERE p.name = a.name AND p.pid <> a.pid)
  END AS others
FROM asked a
ORDER BY time_ns;
