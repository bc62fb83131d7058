const TEXT = `live_audit: what was typed in the shells and asked of the databases, as osquery tables

  live_audit.ext --socket S [--timeout N] [--interval N] [--verbose]
                              serve the tables to osquery, and collect if nobody does
  live_audit.ext collect      collect, without osquery; capture goes on when it stops
  live_audit.ext collect --release
                              end what a stopped collector left capturing
  live_audit.ext query [--json|--csv|--line|--table] "SQL"
                              ask the tables with the built-in SQLite
  live_audit.ext tail TABLE [--json]
                              follow new events
  live_audit.ext status [--json]
                              what is attached; what was seen, stored and lost
  live_audit.ext specs [--format json|fleet|markdown]
                              the tables and their columns
  live_audit.ext audit-rules [--check|--print|--apply]
                              the audit rules that fill the audit tables; only --apply sets them
  live_audit.ext audit-parse [--only TABLE] FILE…
  live_audit.ext audit-parse --sql "SQL" [--json|--csv|--line|--table] FILE…
                              the audit tables over files of auditd
  live_audit.ext version
  live_audit.ext help

Options of all:
  --state-dir DIR   rings and lock (LIVE_AUDIT_STATE_DIR; /run/live-audit)
  --config FILE     settings (LIVE_AUDIT_CONFIG; /etc/live-audit/config.json)

Exit codes: 0 done, 1 failed, 2 wrong use.
`;

export function help(): void {
  process.stdout.write(TEXT);
}
