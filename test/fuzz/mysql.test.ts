/** Records and code that make no sense: nothing is thrown, nothing hangs, rows are sound. */
import fc from 'fast-check';
import { decode } from '../../native/x86.ts';
import { replay } from '../../tables/collector/recording.ts';
import { accessesOf } from '../../tables/mysql_queries/accesses.ts';
import { capture } from '../../tables/mysql_queries/capture.ts';
import { offsetsOf } from '../../tables/mysql_queries/offsets.ts';
import { mysqlRecordType } from '../../tables/mysql_queries/records.ts';
import { spec } from '../../tables/mysql_queries/spec.ts';
import { Client, recording, world } from '../fixtures/mysql/records.ts';
import { expectSound, mutatedOf } from './statements.ts';

const MAX_TEXT = 50;
const real = new Client()
  .identity()
  .query('SELECT 1', { rowsSent: 1 })
  .error(1064, '42000', 'message')
  .query('SELEC', { error: 1064 })
  .prepare('SELECT ?', 1)
  .about(1)
  .packet(9, Buffer.from('long '.repeat(300)))
  .query('', { packet: 9, packetSize: 1500 })
  .end().records;

const mutated = mutatedOf(real, 112);

test('the decoder: random bytes, and lengths that lie', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1200 }), fc.nat(2000), (bytes, length) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      if (length > bytes.length) expect(mysqlRecordType(view, 0, length)).toBe(0);
      else mysqlRecordType(view, 0, length);
    }),
    { numRuns: 3000 },
  );
});

test('the assembler: real records with bytes changed, in any order', () => {
  fc.assert(
    fc.property(fc.array(mutated, { maxLength: 30 }), (records) => {
      const assembler = capture.assembler({ ...world, maxText: MAX_TEXT });
      for (const event of replay(recording(records), assembler).events)
        expectSound(spec, event, MAX_TEXT);
      for (const pid of [...assembler.openPids]) assembler.abandon(pid);
      expect(assembler.isOpen).toBe(false);
    }),
    { numRuns: 1000 },
  );
});

test('code: random bytes are decoded to an end, and offsets are not negative', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (code) => {
      for (let at = 0; at < code.length; ) {
        const instruction = decode(code, at);
        if (instruction === null) break;
        expect(instruction.length).toBeGreaterThan(0);
        at += instruction.length;
        expect(at).toBeLessThanOrEqual(code.length);
      }
      accessesOf(code);
      for (const offset of offsetsOf(() => code).values()) expect(offset).toBeGreaterThanOrEqual(0);
    }),
    { numRuns: 2000 },
  );
});
