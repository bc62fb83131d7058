/**
 * The C side of the records (bpf/event.h, bpf/shell.h) and the reader's constants are the same: every
 * constant of ours becomes a _Static_assert that clang evaluates over the real headers.
 */
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
import {
  offsets as atOffsets,
  bodyOf,
  checkC,
  codeOf,
  enumeratorsOf,
  withClang,
} from './c-layout.ts';

const code = codeOf('event.h', 'shell.h');
const check = (assertions: readonly string[]) => checkC('shell.h', assertions);

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

describe('the records in C and their reader', () => {
  withClang('a wrong constant is noticed', () => {
    expect(check([`sizeof(struct record_header) == ${RecordHeader.size + 1}`])).toContain('failed');
    expect(check(['FLAG_LATE == 9'])).toContain('failed');
  });

  for (const { name, offsets, size, unread } of STRUCTS) {
    withClang(`struct ${name}: offsets and size`, () => {
      expect(check([`sizeof(struct ${name}) == ${size}`, ...atOffsets(name, offsets)])).toBe('');
    });

    test(`struct ${name}: every member is read, or known not to be`, () => {
      const members = [...bodyOf(code, 'struct', name).matchAll(/(\w+)(\[\w*\])?;/g)].map(
        (m) => m[1],
      );
      expect(members.sort()).toEqual([...Object.keys(offsets), ...unread].sort());
    });
  }

  for (const { name, prefix, ours, count } of ENUMS) {
    const enumerators = enumeratorsOf(code, name).filter((enumerator) => enumerator !== count);
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
