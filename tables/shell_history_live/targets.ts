/** Where shell_history_live attaches, and why: bpf/shell.bpf.c says what each hook means. */
import { cheapAddress } from '../../native/probe-place.ts';
import type { ProbeSpec, TargetKind } from '../collector/target-kind.ts';
import { fishPlaces } from './fish.ts';
import { isBusybox, lineCall } from './line-reader.ts';
import {
  BashSymbol,
  FishLanguage,
  FishProbe,
  FishSymbol,
  ReadsBy,
  ShellProbe,
  ShProbe,
  ShSymbol,
  ZshProbe,
  ZshSymbol,
} from './probes.ts';
import { firstGlobalOf, stubOf } from './stubs.ts';

/** Probes that are attached only where the config asks for such commands. */
export const COMMAND_STRING = 'command_string';
/** Of bash the probes of a prompt see scripts too; zsh has others. */
export const SCRIPTS = 'script or stdin';

const hook = (
  index: number,
  program: string,
  symbol: string,
  retprobe: boolean,
  required: boolean,
): ProbeSpec => ({ index, program, symbol, retprobe, required });

/** Where dash and busybox call for a line. */
const lineReader = (index: number, program: string, place: 'at' | 'next'): ProbeSpec => ({
  ...hook(index, program, 'read', false, true),
  locate: (elf) => lineCall(elf)?.[place] ?? null,
});

/** No symbol is called so: a kind that is known by its file name alone. */
const BY_NAME = [' '];

/** bash's own readline, or the stub by which it calls that of libreadline.so. */
const readline = (index: number, program: string, retprobe: boolean): ProbeSpec => ({
  ...hook(index, program, 'readline', retprobe, false),
  locate: (elf, symbols) => {
    const own = symbols.get('readline');
    return own ? cheapAddress(elf, own).vaddr : stubOf(elf, 'readline');
  },
});

/** A function of bash since 5.3. */
const NEW_IN_5_3 = 'jobs_list_frozen_status';

/** bash 4.4 to 5.3; it exports its own functions and globals in .dynsym. */
export const bash: TargetKind = {
  table: 'shell_history_live',
  program: 'bash',
  probes: [
    hook(ShellProbe.READ_COMMAND, 'bash_read_command', 'read_command', false, true),
    hook(ShellProbe.READ_COMMAND_RETURN, 'bash_read_command_return', 'read_command', true, true),
    readline(ShellProbe.READLINE, 'bash_readline', false),
    readline(ShellProbe.READLINE_RETURN, 'bash_readline_return', true),
    hook(ShellProbe.PRE_PROCESS_LINE, 'bash_pre_process_line', 'pre_process_line', false, false),
    hook(
      ShellProbe.PRE_PROCESS_LINE_RETURN,
      'bash_pre_process_line_return',
      'pre_process_line',
      true,
      false,
    ),
    hook(
      ShellProbe.NOTIFY_AND_CLEANUP,
      'bash_notify_and_cleanup',
      'notify_and_cleanup',
      false,
      false,
    ),
    hook(
      ShellProbe.READ_SECONDARY_LINE,
      'bash_read_secondary_line',
      'read_secondary_line',
      false,
      false,
    ),
    hook(
      ShellProbe.READ_SECONDARY_LINE_RETURN,
      'bash_read_secondary_line_return',
      'read_secondary_line',
      true,
      false,
    ),
    {
      ...hook(
        ShellProbe.PARSE_AND_EXECUTE,
        'bash_parse_and_execute',
        'parse_and_execute',
        false,
        false,
      ),
      option: COMMAND_STRING,
    },
  ],
  symbols: ['clear_shell_input_line', NEW_IN_5_3],
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
    {
      index: BashSymbol.SHELL_INPUT_LINE,
      symbol: 'shell_input_line',
      gives: 'scripts, and lines with both --noediting and set +o history',
      // static; what clear_shell_input_line (parse.y, 4.0 to 5.3) looks at first
      locate: (elf, symbols) => firstGlobalOf(elf, symbols, 'clear_shell_input_line'),
    },
    { index: BashSymbol.INPUT_SOURCE, symbol: 'bash_input', gives: 'telling scripts from stdin' },
    {
      index: BashSymbol.NOTIFICATIONS,
      symbol: ' ', // a number of ours
      gives: 'lines without line editing',
      locate: (_, symbols) => (symbols.has(NEW_IN_5_3) ? 2 : 1),
    },
  ],
  markers: ['read_command', 'pre_process_line', 'parse_and_execute', 'last_command_exit_value'],
  paths: ['/usr/bin/bash', '/bin/bash', '/usr/local/bin/bash'],
  // bash, rbash, bash5.2, bash-static; not bashtop
  fileName: /^r?bash(?:[-.\d]|$)/,
};

/** zsh 5.8 to 5.9.2; it exports its own functions and globals in .dynsym. */
export const zsh: TargetKind = {
  table: 'shell_history_live',
  program: 'zsh',
  probes: [
    hook(ZshProbe.PREPROMPT, 'zsh_preprompt', 'preprompt', false, true),
    hook(ZshProbe.ZLEENTRY, 'zsh_zleentry', 'zleentry', false, false),
    hook(ZshProbe.ZLEENTRY_RETURN, 'zsh_zleentry_return', 'zleentry', true, false),
    hook(ZshProbe.HEND, 'zsh_hend', 'hend', false, true),
    hook(ZshProbe.HEND_RETURN, 'zsh_hend_return', 'hend', true, true),
    {
      ...hook(ZshProbe.EXECSTRING, 'zsh_execstring', 'execstring', false, false),
      option: COMMAND_STRING,
    },
    { ...hook(ZshProbe.HBEGIN, 'zsh_hbegin', 'hbegin', false, false), option: SCRIPTS },
    {
      ...hook(ZshProbe.SHINGETLINE_RETURN, 'zsh_shingetline_return', 'shingetline', true, false),
      option: SCRIPTS,
    },
  ],
  globals: [
    { index: ZshSymbol.LASTVAL, symbol: 'lastval', gives: 'exit_code' },
    { index: ZshSymbol.STRIN, symbol: 'strin', gives: 'telling eval from typed lines' },
    {
      index: ZshSymbol.SOURCELEVEL,
      symbol: 'sourcelevel',
      gives: 'telling files from typed lines',
    },
    { index: ZshSymbol.CHLINE, symbol: 'chline', gives: 'expanded' },
    { index: ZshSymbol.HPTR, symbol: 'hptr', gives: 'expanded' },
    { index: ZshSymbol.HISTDONE, symbol: 'histdone', gives: 'expanded' },
    { index: ZshSymbol.SHIN, symbol: 'SHIN', gives: 'telling scripts from stdin' },
  ],
  markers: ['preprompt', 'zleentry', 'hend', 'lastval'],
  paths: ['/usr/bin/zsh', '/bin/zsh', '/usr/local/bin/zsh'],
  // zsh, rzsh, zsh5, zsh-5.9, zsh-static
  fileName: /^r?zsh(?:[-.\d]|$)/,
};

/** dash and the ash of busybox at a terminal: stripped, so by where they read. */
export const sh: TargetKind = {
  table: 'shell_history_live',
  program: 'sh',
  probes: [
    lineReader(ShProbe.READ, 'sh_read', 'at'),
    lineReader(ShProbe.READ_DONE, 'sh_read_done', 'next'),
  ],
  globals: [
    {
      index: ShSymbol.READS_BY,
      symbol: ' ', // a number of ours
      gives: 'lines of a prompt',
      locate: (elf) => (isBusybox(elf) ? ReadsBy.LINE_EDITOR : ReadsBy.READ),
    },
  ],
  markers: BY_NAME,
  paths: ['/usr/bin/dash', '/bin/dash', '/usr/bin/busybox', '/bin/busybox'],
  fileName: /^(?:dash|busybox)$/,
};

/** A place in fish that no symbol names. */
const fishPlace = (
  index: number,
  program: string,
  symbol: string,
  place: 'preexec' | 'postexec' | 'evaluated',
): ProbeSpec => ({
  ...hook(index, program, symbol, false, place !== 'evaluated'),
  locate: (elf) => fishPlaces(elf)?.[place] ?? null,
});

/** fish 3.1 to 4.8: stripped, so by the events that it fires. */
export const fish: TargetKind = {
  table: 'shell_history_live',
  program: 'fish',
  probes: [
    fishPlace(FishProbe.PREEXEC, 'fish_preexec', 'fish_preexec', 'preexec'),
    {
      ...fishPlace(FishProbe.EVALUATED, 'fish_evaluated', 'parser_t::eval', 'evaluated'),
      unless: ' ', // not shown where it is not there: $status below says what that means
    },
    fishPlace(FishProbe.POSTEXEC, 'fish_postexec', 'fish_postexec', 'postexec'),
  ],
  globals: [
    {
      index: FishSymbol.WRITTEN_IN,
      symbol: ' ', // a number of ours
      gives: 'commands',
      locate: (elf) => (fishPlaces(elf)?.isRust ? FishLanguage.RUST : FishLanguage.CXX),
    },
    {
      index: FishSymbol.STATUS,
      symbol: '$status', // which fish 4 keeps elsewhere in each version
      gives: 'exit_code',
      locate: (elf) => (fishPlaces(elf)?.evaluated == null ? null : 1),
    },
  ],
  markers: BY_NAME,
  paths: ['/usr/bin/fish', '/usr/local/bin/fish'],
  fileName: /^fish$/,
};

/** Tracepoints that the table needs besides the uprobes. */
export const tracepoints = ['shell_exec', 'shell_exit'] as const;
