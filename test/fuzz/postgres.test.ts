/** Records, Bind messages and code that make no sense: nothing is thrown, nothing hangs, rows are sound. */
import fc from 'fast-check';
import { replay } from '../../tables/collector/recording.ts';
import { accessedBy } from '../../tables/postgres_queries/accessor.ts';
import { PostgresAssembler } from '../../tables/postgres_queries/assemble.ts';
import { decodeBinary } from '../../tables/postgres_queries/binary-values.ts';
import { identityOfTitle } from '../../tables/postgres_queries/identity.ts';
import { bindValues } from '../../tables/postgres_queries/parameters.ts';
import {
  Known,
  Outcome,
  PostgresRecord,
  Protocol,
  postgresRecordType,
} from '../../tables/postgres_queries/records.ts';
import { spec } from '../../tables/postgres_queries/spec.ts';
import { Backend, bindMessage, recording, sources, world } from '../fixtures/postgres/records.ts';
import { expectSound, mutatedOf } from './statements.ts';

const MAX_TEXT = 50;
const OIDS = [
  16, 17, 20, 21, 23, 25, 700, 701, 869, 1007, 1009, 1082, 1114, 1184, 1186, 1266, 1560, 1700, 2950,
  3802,
];
const real = new Backend()
  .identity()
  .identity({ title: 'postgres: ann app [local] idle' })
  .statement('select 1', { tag: 1, rows: 1n })
  .text(PostgresRecord.TEXT, 'long '.repeat(300), 400)
  .text(PostgresRecord.ERROR, 'message')
  .statement(null, { known: Known.TEXT, outcome: Outcome.FAILED, sqlstate: 7 })
  .text(PostgresRecord.PARAMETERS, bindMessage(['a', null, Buffer.from('00000001', 'hex')]))
  .types(1n, [25, 25, 23])
  .statement('select $1', { protocol: Protocol.EXTENDED, portal: 1n, name: 'n' })
  .statement('part; of', { type: PostgresRecord.PART })
  .statement('dying', { type: PostgresRecord.DYING, outcome: Outcome.SIGNAL, signal: 9 })
  .statement(null, { type: PostgresRecord.EXIT, outcome: Outcome.SIGNAL, signal: 9 }).records;

const mutated = mutatedOf(real, 80);

test('the decoder: random bytes, and lengths that lie', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1200 }), fc.nat(2000), (bytes, length) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const type = postgresRecordType(view, 0, length);
      if (length > bytes.length) expect(type).toBe(0);
    }),
    { numRuns: 3000 },
  );
});

test('the assembler: records mixed, changed, cut and lost', () => {
  fc.assert(
    fc.property(fc.array(mutated, { maxLength: 40 }), (records) => {
      const assembler = new PostgresAssembler({ ...world, maxText: MAX_TEXT }, sources);
      const { events } = replay(recording(records.map((bytes) => Buffer.from(bytes))), assembler);
      for (const event of events) expectSound(spec, event, MAX_TEXT);
      assembler.detach();
      const next = new PostgresAssembler(world, sources);
      next.restore(assembler.save());
      for (const pid of [...next.openPids]) next.abandon(pid);
      expect(next.isOpen).toBe(false);
    }),
    { numRuns: 1000 },
  );
});

test('Bind messages: JSON or nothing, within its bound', () => {
  const message = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc
      .tuple(fc.array(fc.option(fc.uint8Array({ maxLength: 40 }))), fc.nat(), fc.nat(255))
      .map(([values, at, value]) => {
        const bytes = bindMessage(values.map((bytes) => bytes && Buffer.from(bytes)));
        bytes[at % bytes.length] = value;
        return bytes;
      }),
  );
  const oids = fc.array(fc.constantFrom(...OIDS));
  fc.assert(
    fc.property(message, oids, fc.nat(500), (bytes, types, max) => {
      const json = bindValues(Buffer.from(bytes), types, max);
      if (json !== null) expect(Array.isArray(JSON.parse(json))).toBe(true);
    }),
    { numRuns: 3000 },
  );
});

test('binary values, titles and code: any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.constantFrom(...OIDS), (bytes, oid) => {
      const text = decodeBinary(Buffer.from(bytes), oid);
      if (text !== null) expect(text.isWellFormed()).toBe(true);
      accessedBy(bytes, 0x1000, 0);
      identityOfTitle(`postgres: ${Buffer.from(bytes).toString('latin1')}`);
    }),
    { numRuns: 5000 },
  );
});
