/* Who did what: for each audit user and user each system call, command and file, and how often.
   Files only: WHERE kind = 'file'. One process: WHERE pid = 4711.

     live_audit.ext query "$(cat audit_report.sql)"
     live_audit.ext audit-parse --sql "$(cat audit_report.sql)" /var/log/audit/audit.log */
SELECT
  auid,
  uid,
  kind,
  name,
  sum(count) AS count,
  datetime(min(first_time), 'unixepoch') AS first_time,
  datetime(max(last_time), 'unixepoch') AS last_time
FROM audit_summary
GROUP BY auid, uid, kind, name
ORDER BY auid, uid, kind, sum(count) DESC, name;
