/** The C side of the records (bpf/mysql.h) and the reader's constants are the same: clang evaluates both. */
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
import { checkC, codeOf, enumeratorsOf, offsets, withClang } from './c-layout.ts';

const code = codeOf('mysql.h');
const check = (assertions: readonly string[]) => checkC('mysql.h', assertions);

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
  for (const [name, { size, ...members }] of Object.entries(structs))
    expect(check([`sizeof(struct ${name}) == ${size}`, ...offsets(name, members)])).toBe('');
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
  const enumerators = enumeratorsOf(code, name).filter((enumerator) => !only.includes(enumerator));
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
