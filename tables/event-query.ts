/** What a query asks of a ring, read from its pushed constraints. */
import { Operator, type QueryContext } from '../extension/sdk/context.ts';
import { among, equals, range } from '../extension/sdk/push-down.ts';
import type { ColumnSpec, Value } from '../extension/sdk/spec.ts';
import { LiveAuditError } from '../native/errors.ts';
import { CONSUMER } from './consumers.ts';
import type { Lookup, RingRange } from './ring/reader.ts';
import { hashInteger, hashText } from './ring/value-index.ts';

const NS_PER_S = 1_000_000_000n;
/** Bounds beyond these mean none: eids are safe integers, times fit an i64. */
const MAX_EID = BigInt(Number.MAX_SAFE_INTEGER);
const MAX_S = (2n ** 63n - 1n) / NS_PER_S;

const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** A column whose equality is pushed. */
export interface EqualColumn {
  readonly column: ColumnSpec;
  /** In the spec. */
  readonly place: number;
  /** It is computed: the ring has no values of it. */
  readonly isDerived: boolean;
}

/** Records that may match, by index; and what tells whether they do. */
export interface Conditions {
  readonly lookups: readonly Lookup[];
  readonly tests: readonly { readonly place: number; readonly test: (value: Value) => boolean }[];
}

/** @param columns in the order in which they are to be tested */
export function conditions(context: QueryContext, columns: readonly EqualColumn[]): Conditions {
  const lookups = [];
  const tests = [];
  for (const { column, place, isDerived } of columns) {
    if (!isConstrained(context, column.name)) continue;
    const values = equals(context, column.name);
    if (values === null) continue;
    tests.push({ place, test: among(values) });
    if (isDerived) continue;
    lookups.push({ column: place, hashes: [...values].map((value) => hashOf(column, value)) });
  }
  return { lookups, tests };
}

/** @throws LiveAuditError CONSUMER where several are asked for */
export function consumerOf({ constraints }: QueryContext): string | undefined {
  let consumer: string | undefined;
  for (const { column, op, value } of constraints) {
    if (column !== CONSUMER || op !== Operator.EQUALS) continue;
    if (consumer !== undefined && consumer !== value)
      throw new LiveAuditError('CONSUMER', 'consumer: several names in one query');
    consumer = value;
  }
  return consumer;
}

/** The greatest eid that can match. */
export const lastWanted = (context: QueryContext): number =>
  Number(smaller(range(context, 'eid').max, MAX_EID));

/** The eids still to be narrowed by a consumer's position. */
export interface Bounds extends RingRange {
  fromEid: number;
  toEid: number;
}

/** The range of the ring that can hold rows for these constraints. */
export function bounds(context: QueryContext): Bounds {
  const eid = range(context, 'eid');
  return {
    fromEid: Number(larger(eid.min, 0n)),
    toEid: Number(smaller(eid.max, MAX_EID)),
    ...(isConstrained(context, 'time') || isConstrained(context, 'time_ns') ? times(context) : {}),
  };
}

function times(context: QueryContext): Pick<RingRange, 'fromTimeNs' | 'toTimeNs'> {
  const time = range(context, 'time');
  const timeNs = range(context, 'time_ns');
  const from = larger(timeNs.min, larger(time.min, -MAX_S) * NS_PER_S);
  const to = smaller(timeNs.max, smaller(time.max, MAX_S - 1n) * NS_PER_S + (NS_PER_S - 1n));
  const unbounded = (bound: bigint) =>
    bound <= -MAX_S * NS_PER_S || bound >= (MAX_S - 1n) * NS_PER_S;
  return {
    fromTimeNs: unbounded(from) ? undefined : from,
    toTimeNs: unbounded(to) ? undefined : to,
  };
}

const isConstrained = ({ constraints }: QueryContext, name: string): boolean =>
  constraints.some(({ column }) => column === name);

/** @param value as `equals` gives it */
function hashOf({ type }: ColumnSpec, value: string): number {
  if (type === 'TEXT') {
    const bytes = Buffer.from(value);
    return hashText(bytes, 0, bytes.length);
  }
  const bits = BigInt(value);
  return hashInteger(Number(BigInt.asUintN(32, bits >> 32n)), Number(BigInt.asUintN(32, bits)));
}
