/** Where shell_history_live attaches, and why: bpf/shell.bpf.c says what each hook means. */
import type { TargetKind } from '../collector/target-kind.ts';

/** enum shell_probe */
export const ShellProbe = {
  READ_COMMAND: 0,
  READ_COMMAND_RETURN: 1,
  READLINE: 2,
  READLINE_RETURN: 3,
  PRE_PROCESS_LINE: 4,
  PRE_PROCESS_LINE_RETURN: 5,
} as const;

/** enum bash_symbol */
export const BashSymbol = {
  LAST_COMMAND_EXIT_VALUE: 0,
  PARSE_AND_EXECUTE_LEVEL: 1,
  INTERACTIVE: 2,
  GLOBAL_COMMAND: 3,
} as const;

const hook = (
  index: number,
  program: string,
  symbol: string,
  retprobe: boolean,
  required: boolean,
) => ({ index, program, symbol, retprobe, required });

/** bash 4.4 to 5.3; it exports its own functions and globals in .dynsym. */
export const bash: TargetKind = {
  table: 'shell_history_live',
  program: 'bash',
  probes: [
    hook(ShellProbe.READ_COMMAND, 'bash_read_command', 'read_command', false, true),
    hook(ShellProbe.READ_COMMAND_RETURN, 'bash_read_command_return', 'read_command', true, true),
    hook(ShellProbe.READLINE, 'bash_readline', 'readline', false, false),
    hook(ShellProbe.READLINE_RETURN, 'bash_readline_return', 'readline', true, false),
    hook(ShellProbe.PRE_PROCESS_LINE, 'bash_pre_process_line', 'pre_process_line', false, false),
    hook(
      ShellProbe.PRE_PROCESS_LINE_RETURN,
      'bash_pre_process_line_return',
      'pre_process_line',
      true,
      false,
    ),
  ],
  globals: [
    {
      index: BashSymbol.LAST_COMMAND_EXIT_VALUE,
      symbol: 'last_command_exit_value',
      gives: 'exit_code',
    },
    {
      index: BashSymbol.PARSE_AND_EXECUTE_LEVEL,
      symbol: 'parse_and_execute_level',
      gives: 'telling `read -e` in PROMPT_COMMAND from typed lines',
    },
    {
      index: BashSymbol.GLOBAL_COMMAND,
      symbol: 'global_command',
      gives: 'duration 0 for lines that run nothing',
    },
    { index: BashSymbol.INTERACTIVE, symbol: 'interactive', gives: 'telling scripts from prompts' },
  ],
  markers: ['read_command', 'pre_process_line', 'parse_and_execute', 'last_command_exit_value'],
  paths: ['/usr/bin/bash', '/bin/bash', '/usr/local/bin/bash'],
  // bash, rbash, bash5.2, bash-static; not bashtop
  fileName: /^r?bash(?:[-.\d]|$)/,
};

/** Tracepoints that the table needs besides the uprobes. */
export const tracepoints = ['shell_exec', 'shell_exit'] as const;
