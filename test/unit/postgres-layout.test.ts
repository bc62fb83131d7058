/** The C side of the records (bpf/postgres.h) and the reader's constants are the same: clang evaluates both. */
import { TargetLayout } from '../../native/events.ts';
import {
  IdentityKnown,
  IdentityLayout,
  Known,
  NAME_BYTES,
  Outcome,
  PLACE_BYTES,
  PostgresRecord,
  Protocol,
  StatementLayout,
  TypesLayout,
} from '../../tables/postgres_queries/records.ts';
import { PostgresProbe, PostgresSymbol } from '../../tables/postgres_queries/targets.ts';
import { checkC, codeOf, enumeratorsOf, noClang, offsets, withClang } from './c-layout.ts';

const code = codeOf('postgres.h');
const check = (assertions: readonly string[]) => checkC('postgres.h', assertions);

withClang('structs: offsets and sizes', () => {
  const { total, ...statement } = StatementLayout;
  const { size: identitySize, ...identity } = IdentityLayout;
  const { size: typesSize, ...types } = TypesLayout;
  expect(
    check([
      ...offsets('postgres_statement', statement),
      ...offsets('postgres_identity', identity),
      ...offsets('postgres_types', types),
      `sizeof(struct postgres_statement) == ${total}`,
      `sizeof(struct postgres_identity) == ${identitySize}`,
      `sizeof(struct postgres_types) == ${typesSize}`,
      `PG_NAME == ${NAME_BYTES}`,
      `PG_PLACE == ${PLACE_BYTES}`,
    ]),
  ).toBe('');
});

withClang('a wrong constant is noticed', () => {
  expect(check([`PG_NAME == ${NAME_BYTES + 1}`])).toContain('failed');
});

test.each([
  { name: 'postgres_record', prefix: 'POSTGRES_', ours: PostgresRecord },
  { name: 'postgres_probe', prefix: 'PG_', ours: PostgresProbe },
  { name: 'postgres_symbol', prefix: 'PGS_', ours: PostgresSymbol },
  { name: 'postgres_protocol', prefix: 'PROTOCOL_', ours: Protocol },
  { name: 'postgres_outcome', prefix: 'OUTCOME_', ours: Outcome },
  { name: 'postgres_known', prefix: 'KNOWN_', ours: Known },
  { name: 'postgres_identity_known', prefix: 'IDENTITY_', ours: IdentityKnown },
])('enum $name: the same names and values', ({ name, prefix, ours }) => {
  const names = enumeratorsOf(code, name).map((enumerator) => enumerator.slice(prefix.length));
  expect(names.sort()).toEqual(Object.keys(ours).sort());
  if (!noClang)
    expect(check(Object.entries(ours).map(([n, value]) => `${prefix}${n} == ${value}`))).toBe('');
});

test('probes and symbols fit into a target', () => {
  expect(Math.max(...Object.values(PostgresProbe))).toBeLessThan(TargetLayout.probes);
  expect(Math.max(...Object.values(PostgresSymbol))).toBeLessThan(TargetLayout.symbols);
});
