/** The columns of each event table that a terminal shows unless it is asked for others; the last gets what room is left. */
const SHOWN: Readonly<Record<string, readonly string[]>> = {
  shell_history_live: ['time', 'uid', 'tty', 'pid', 'exit_code', 'duration', 'cwd', 'command'],
  postgres_queries: ['time', 'user', 'database', 'duration', 'rows', 'sqlstate', 'query'],
  mysql_queries: ['time', 'user', 'database', 'duration', 'rows_sent', 'error_code', 'query'],
  audit_process_events: ['time', 'auid', 'uid', 'pid', 'success', 'cmdline'],
  audit_file_events: ['time', 'auid', 'uid', 'pid', 'operation', 'executable', 'path'],
  audit_user_events: ['time', 'auid', 'type_name', 'account', 'address', 'result', 'message'],
};

export const shownColumns = (table: string): readonly string[] => SHOWN[table] ?? [];
