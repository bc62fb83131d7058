/** The C side of the records (bpf/mysql.h) and the reader's constants are the same: clang evaluates both. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TargetLayout } from '../../native/events.ts';
import { CONTEXT_IS_POINTER, MysqlSymbol } from '../../tables/mysql_queries/offsets.ts';
import {
  Command,
  ConnectionLayout,
  ErrorLayout,
  IdentityLayout,
  Known,
  LongDataLayout,
  MysqlRecord,
  StatementLayout,
} from '../../tables/mysql_queries/records.ts';
import { SettingsLayout } from '../../tables/mysql_queries/settings.ts';
import { MysqlProbe } from '../../tables/mysql_queries/targets.ts';

const BPF = join(__dirname, '../../bpf');
const code = readFileSync(join(BPF, 'mysql.h'), 'utf8').replaceAll(/\/\*[\s\S]*?\*\//g, '');
const noClang = spawnSync('clang', ['--version']).error !== undefined;
const withClang = (name: string, body: () => void): void =>
  noClang ? test.skip(`${name} (skipped: no clang)`, body) : test(name, body);

/** @returns what clang says; '' where all of them hold */
function check(assertions: readonly string[]): string {
  const source = ['#include "vmlinux.h"', '#include "mysql.h"'];
  for (const assertion of assertions) source.push(`_Static_assert(${assertion}, "");`);
  const flags = ['-target', 'bpf', '-D__TARGET_ARCH_x86', '-fsyntax-only', '-Wall', '-x', 'c'];
  const { status, stderr } = spawnSync('clang', [...flags, '-I', BPF, '-'], {
    input: `${source.join('\n')}\n`,
    encoding: 'utf8',
  });
  return status === 0 ? '' : stderr || `clang ended with ${status}`;
}

withClang('a wrong constant is noticed', () => {
  expect(check(['KNOWN_ERROR == 33'])).toContain('failed');
});

withClang('structs: offsets and sizes', () => {
  const structs = {
    mysql_identity: IdentityLayout,
    mysql_error: ErrorLayout,
    mysql_connection: ConnectionLayout,
    mysql_long_data: LongDataLayout,
    mysql_statement: StatementLayout,
    mysql_settings: SettingsLayout,
  };
  for (const [name, layout] of Object.entries(structs))
    expect(
      check(
        Object.entries(layout).map(([member, offset]) =>
          member === 'size'
            ? `sizeof(struct ${name}) == ${offset}`
            : `__builtin_offsetof(struct ${name}, ${member}) == ${offset}`,
        ),
      ),
    ).toBe('');
});

const ENUMS: readonly {
  readonly name: string;
  readonly prefix: string;
  readonly ours: Readonly<Record<string, number>>;
  /** Only the BPF side names these. */
  readonly only: readonly string[];
}[] = [
  { name: 'mysql_record', prefix: 'MYSQL_', ours: MysqlRecord, only: [] },
  { name: 'mysql_probe', prefix: 'MYSQL_PROBE_', ours: MysqlProbe, only: [] },
  { name: 'mysql_symbol', prefix: 'MYSQL_', ours: MysqlSymbol, only: [] },
  { name: 'mysql_known', prefix: 'KNOWN_', ours: Known, only: [] },
  // Those that give no rows.
  {
    ...{ name: 'mysql_command', prefix: 'COM_', ours: Command },
    only: ['COM_STMT_SEND_LONG_DATA', 'COM_MULTI'],
  },
];

for (const { name, prefix, ours, only } of ENUMS) {
  const body = new RegExp(`enum ${name} \\{([^}]*)\\}`).exec(code)?.[1] ?? '';
  const enumerators = [...body.matchAll(/(\w+) = /g)]
    .map((match) => match[1] ?? '')
    .filter((enumerator) => !only.includes(enumerator));
  withClang(`enum ${name}: the same names and values`, () => {
    const names = enumerators.map((enumerator) => enumerator.slice(prefix.length));
    expect(names.sort()).toEqual(Object.keys(ours).sort());
    expect(check(Object.entries(ours).map(([n, value]) => `${prefix}${n} == ${value}`))).toBe('');
  });
}

withClang('the mark of a pointer', () => {
  expect(check([`CONTEXT_IS_POINTER == ${CONTEXT_IS_POINTER}ull`])).toBe('');
});

test('probes and symbols fit into a target', () => {
  expect(Math.max(...Object.values(MysqlProbe))).toBeLessThan(TargetLayout.probes);
  expect(Math.max(...Object.values(MysqlSymbol))).toBeLessThan(TargetLayout.symbols);
});
