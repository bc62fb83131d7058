/** The numbers of bpf/shell.h: which probe of a shell is which, and which of its globals. */

/** enum shell_probe */
export const ShellProbe = {
  READ_COMMAND: 0,
  READ_COMMAND_RETURN: 1,
  READLINE: 2,
  READLINE_RETURN: 3,
  PRE_PROCESS_LINE: 4,
  PRE_PROCESS_LINE_RETURN: 5,
  NOTIFY_AND_CLEANUP: 6,
  PARSE_AND_EXECUTE: 7,
  READ_SECONDARY_LINE: 8,
  READ_SECONDARY_LINE_RETURN: 9,
} as const;

/** enum bash_symbol */
export const BashSymbol = {
  LAST_COMMAND_EXIT_VALUE: 0,
  PARSE_AND_EXECUTE_LEVEL: 1,
  INTERACTIVE: 2,
  GLOBAL_COMMAND: 3,
  SHELL_INPUT_LINE: 4,
  INPUT_SOURCE: 5,
  NOTIFICATIONS: 6,
} as const;

/** enum zsh_probe */
export const ZshProbe = {
  PREPROMPT: 0,
  ZLEENTRY: 1,
  ZLEENTRY_RETURN: 2,
  HEND: 3,
  HEND_RETURN: 4,
  EXECSTRING: 5,
  HBEGIN: 6,
  SHINGETLINE_RETURN: 7,
} as const;

/** enum zsh_symbol */
export const ZshSymbol = {
  LASTVAL: 0,
  STRIN: 1,
  SOURCELEVEL: 2,
  CHLINE: 3,
  HPTR: 4,
  HISTDONE: 5,
  SHIN: 6,
} as const;

/** enum sh_probe */
export const ShProbe = { READ: 0, READ_DONE: 1 } as const;

/** enum sh_symbol */
export const ShSymbol = { READS_BY: 0 } as const;

/** By what a shell reads its lines: SH_READ, SH_LINE_EDITOR. */
export const ReadsBy = { READ: 1, LINE_EDITOR: 2 } as const;

/** enum fish_probe */
export const FishProbe = { PREEXEC: 0, EVALUATED: 1, POSTEXEC: 2 } as const;

/** enum fish_symbol */
export const FishSymbol = { WRITTEN_IN: 0, STATUS: 1 } as const;

/** FISH_CXX, FISH_RUST */
export const FishLanguage = { CXX: 1, RUST: 2 } as const;
