/**
 * The C side of the records (bpf/event.h, bpf/shell.h) and the reader's constants are the same: every
 * constant of ours becomes a _Static_assert that clang evaluates over the real headers.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  Counter,
  cookie,
  PROBE_NONE,
  ProbeStats,
  RecordFlag,
  RecordHeader,
  TargetLayout,
  TextRecord,
} from '../../native/events.ts';
import {
  BashSymbol,
  FishProbe,
  ShellProbe,
  ShProbe,
  ShSymbol,
  ZshProbe,
  ZshSymbol,
} from '../../tables/shell_history_live/probes.ts';
import {
  ContextLayout,
  FILTER_VALUES,
  FilterLayout,
  FilterMode,
  ShellRecord,
  ShellSource,
  STATUS_UNKNOWN,
  StatusLayout,
} from '../../tables/shell_history_live/records.ts';

const BPF = join(__dirname, '../../bpf');
const header =
  readFileSync(join(BPF, 'event.h'), 'utf8') + readFileSync(join(BPF, 'shell.h'), 'utf8');
const code = header.replaceAll(/\/\*[\s\S]*?\*\//g, '');

type Constants = Readonly<Record<string, number>>;

/** A struct of the headers, and what the reader knows of it. Sizes and offsets are bytes. */
interface StructLayout {
  readonly name: string;
  readonly offsets: Constants;
  readonly size: number;
  /** Members that the reader has no use for. */
  readonly unread: readonly string[];
}

const without = (constants: Constants, ...names: readonly string[]): Constants =>
  Object.fromEntries(Object.entries(constants).filter(([name]) => !names.includes(name)));

const STRUCTS: readonly StructLayout[] = [
  {
    name: 'record_header',
    offsets: without(RecordHeader, 'size'),
    size: RecordHeader.size,
    unread: [],
  },
  { name: 'text_record', offsets: TextRecord, size: TextRecord.text, unread: ['header'] },
  {
    name: 'shell_context',
    offsets: without(ContextLayout, 'size'),
    size: ContextLayout.size,
    unread: ['header', 'reserved'],
  },
  {
    name: 'shell_status',
    offsets: without(StatusLayout, 'size'),
    size: StatusLayout.size,
    unread: ['header', 'reserved'],
  },
  {
    name: 'shell_filter',
    offsets: without(FilterLayout, 'size'),
    size: FilterLayout.size,
    unread: ['reserved'],
  },
  {
    name: 'target',
    offsets: without(TargetLayout, 'size', 'probes', 'symbols', 'max'),
    size: TargetLayout.size,
    unread: [],
  },
  {
    name: 'probe_stats',
    offsets: without(ProbeStats, 'size'),
    size: ProbeStats.size,
    unread: [],
  },
];

const ENUMS: readonly {
  readonly name: string;
  readonly prefix: string;
  readonly ours: Constants;
  /** The number of values, where C names that too. */
  readonly count?: string;
}[] = [
  { name: 'record_flag', prefix: 'FLAG_', ours: RecordFlag },
  { name: 'counter', prefix: 'COUNTER_', ours: Counter, count: 'COUNTERS' },
  { name: 'shell_record', prefix: 'SHELL_', ours: ShellRecord },
  { name: 'shell_probe', prefix: 'PROBE_', ours: ShellProbe },
  { name: 'bash_symbol', prefix: 'BASH_', ours: BashSymbol },
  { name: 'shell_source', prefix: 'SOURCE_', ours: ShellSource },
  { name: 'zsh_probe', prefix: 'ZSH_PROBE_', ours: ZshProbe },
  { name: 'zsh_symbol', prefix: 'ZSH_', ours: ZshSymbol },
  { name: 'sh_probe', prefix: 'SH_PROBE_', ours: ShProbe },
  { name: 'sh_symbol', prefix: 'SH_', ours: ShSymbol },
  { name: 'fish_probe', prefix: 'FISH_PROBE_', ours: FishProbe },
  { name: 'filter_mode', prefix: 'FILTER_', ours: FilterMode },
];

const DEFINES: Constants = {
  TARGET_PROBES: TargetLayout.probes,
  TARGET_SYMBOLS: TargetLayout.symbols,
  MAX_TARGETS: TargetLayout.max,
  PROBE_NONE,
  TTY_NAME: ContextLayout.cwd - ContextLayout.tty,
  CWD_MAX: ContextLayout.size - ContextLayout.cwd,
  STATUS_UNKNOWN,
  FILTER_VALUES,
};

const COOKIE = { target: 0xfedc_ba98, probe: 0x7654_3210 };

/** Compile assertions against the headers. @returns what clang says; '' where all of them hold */
function check(assertions: readonly string[]): string {
  const source = [
    '#include "vmlinux.h"',
    '#include "shell.h"',
    ...assertions.map((assertion) => `_Static_assert(${assertion}, "");`),
  ].join('\n');
  const flags = ['-target', 'bpf', '-D__TARGET_ARCH_x86', '-fsyntax-only', '-Wall', '-x', 'c'];
  const { status, stderr } = spawnSync('clang', [...flags, '-I', BPF, '-'], {
    input: `${source}\n`,
    encoding: 'utf8',
  });
  return status === 0 ? '' : stderr || `clang ended with ${status}`;
}

const bodyOf = (kind: 'struct' | 'enum', name: string): string =>
  new RegExp(`${kind} ${name} \\{([^}]*)\\}`).exec(code)?.[1] ?? '';

const noClang = spawnSync('clang', ['--version']).error !== undefined;
const withClang = (name: string, body: () => void): void =>
  noClang ? test.skip(`${name} (skipped: no clang)`, body) : test(name, body);

describe('the records in C and their reader', () => {
  withClang('a wrong constant is noticed', () => {
    expect(check([`sizeof(struct record_header) == ${RecordHeader.size + 1}`])).toContain('failed');
    expect(check(['FLAG_LATE == 9'])).toContain('failed');
  });

  for (const { name, offsets, size, unread } of STRUCTS) {
    withClang(`struct ${name}: offsets and size`, () => {
      const assertions = Object.entries(offsets).map(
        ([member, offset]) => `__builtin_offsetof(struct ${name}, ${member}) == ${offset}`,
      );
      expect(check([`sizeof(struct ${name}) == ${size}`, ...assertions])).toBe('');
    });

    test(`struct ${name}: every member is read, or known not to be`, () => {
      const members = [...bodyOf('struct', name).matchAll(/(\w+)(\[\w*\])?;/g)].map((m) => m[1]);
      expect(members.sort()).toEqual([...Object.keys(offsets), ...unread].sort());
    });
  }

  for (const { name, prefix, ours, count } of ENUMS) {
    const enumerators = [...bodyOf('enum', name).matchAll(/(\w+) = /g)]
      .map((match) => match[1] ?? '')
      .filter((enumerator) => enumerator !== count);
    const nameOf = (enumerator: string) => enumerator.slice(prefix.length);

    test(`enum ${name}: the same names`, () => {
      expect(enumerators.map(nameOf).sort()).toEqual(Object.keys(ours).sort());
    });

    withClang(`enum ${name}: the same values`, () => {
      const assertions = enumerators.map((e) => `${e} == ${ours[nameOf(e)]}`);
      if (count) assertions.push(`${count} == ${Object.keys(ours).length}`);
      expect(check(assertions)).toBe('');
    });
  }

  withClang('limits, the unknown status, and the cookie', () => {
    const value = `${cookie(COOKIE.target, COOKIE.probe)}ull`;
    const same = Object.entries(DEFINES).map(([name, number]) =>
      // INT_MIN has no literal of its own in C
      number < 0 ? `${name} == ${number + 1} - 1` : `${name} == ${number}`,
    );
    expect(
      check([
        ...same,
        `COOKIE_TARGET(${value}) == ${COOKIE.target}u`,
        `COOKIE_PROBE(${value}) == ${COOKIE.probe}u`,
      ]),
    ).toBe('');
  });

  withClang('the chunks of a text hold 1 MiB, the default of max_text', () => {
    const MAX_TEXT = 1024 * 1024;
    expect(check([`TEXT_MAX_CHUNKS * (TEXT_CHUNK - 1) >= ${MAX_TEXT}`])).toBe('');
  });

  test('the probes and globals of bash fit into a target', () => {
    expect(Object.values(ShellProbe).every((index) => index < TargetLayout.probes)).toBe(true);
    expect(Object.values(BashSymbol).every((index) => index < TargetLayout.symbols)).toBe(true);
  });
});
