import fc from 'fast-check';
import { BinaryReader } from '../../extension/sdk/thrift/binary-reader.ts';
import { BinaryWriter } from '../../extension/sdk/thrift/binary-writer.ts';
import { MessageFramer } from '../../extension/sdk/thrift/framer.ts';
import { MessageType, Type } from '../../extension/sdk/thrift/wire.ts';
import { LiveAuditError } from '../../native/errors.ts';

const LIMITS = { messageBytes: 64 * 1024, entries: 1024 };

function call(registry: string, item: string, request: ReadonlyMap<string, string>): Buffer {
  const out = new BinaryWriter();
  out.writeMessageBegin('call', MessageType.CALL, 7);
  out.writeFieldBegin('registry', Type.STRING, 1);
  out.writeString(registry);
  out.writeFieldBegin('item', Type.STRING, 2);
  out.writeString(item);
  out.writeFieldBegin('request', Type.MAP, 3);
  out.writeMapBegin(Type.STRING, Type.STRING, request.size);
  for (const [key, value] of request) {
    out.writeString(key);
    out.writeString(value);
  }
  out.writeFieldStop();
  return Buffer.from(out.bytes);
}

/** Any value that Thrift has, as its type and its bytes. */
interface Thing {
  readonly type: number;
  write(out: BinaryWriter): void;
}
const { thing } = fc.letrec<{ thing: Thing }>((tie) => ({
  thing: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.string().map((s): Thing => ({ type: Type.STRING, write: (out) => out.writeString(s) })),
    fc
      .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
      .map((n): Thing => ({ type: Type.I64, write: (out) => out.writeI64(n) })),
    fc.boolean().map((b): Thing => ({ type: Type.BOOL, write: (out) => out.writeBool(b) })),
    fc.double().map((d): Thing => ({ type: Type.DOUBLE, write: (out) => out.writeDouble(d) })),
    fc.array(tie('thing'), { maxLength: 4 }).map(
      (fields): Thing => ({
        type: Type.STRUCT,
        write: (out) => {
          fields.forEach((field, i) => {
            out.writeFieldBegin('', field.type, i + 1);
            field.write(out);
          });
          out.writeFieldStop();
        },
      }),
    ),
    fc.tuple(tie('thing'), tie('thing'), fc.nat({ max: 3 })).map(
      ([key, value, size]): Thing => ({
        type: Type.MAP,
        write: (out) => {
          out.writeMapBegin(key.type, value.type, size);
          for (let i = 0; i < size; i++) {
            key.write(out);
            value.write(out);
          }
        },
      }),
    ),
    fc.tuple(tie('thing'), fc.nat({ max: 4 }), fc.constantFrom(Type.LIST, Type.SET)).map(
      ([element, size, type]): Thing => ({
        type,
        write: (out) => {
          out.writeListBegin(element.type, size);
          for (let i = 0; i < size; i++) element.write(out);
        },
      }),
    ),
  ),
}));

const messages = fc.array(
  fc.oneof(
    fc
      .tuple(
        fc.string(),
        fc.string(),
        fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 5 }),
      )
      .map(([registry, item, request]) => call(registry, item, new Map(request))),
    thing.map((field) => {
      const out = new BinaryWriter();
      out.writeMessageBegin('anything', MessageType.CALL, 1);
      out.writeFieldBegin('', field.type, 1);
      field.write(out);
      out.writeFieldStop();
      return Buffer.from(out.bytes);
    }),
  ),
  { minLength: 1, maxLength: 4 },
);

function* cut(bytes: Buffer, sizes: readonly number[]): Iterable<Buffer> {
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

test('messages come out whole however the stream is cut', () => {
  fc.assert(
    fc.property(
      messages,
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
      (sent, sizes) => {
        const framer = new MessageFramer(LIMITS);
        const received: Buffer[] = [];
        for (const chunk of cut(Buffer.concat(sent), sizes)) {
          framer.push(chunk);
          for (let m = framer.next(); m !== undefined; m = framer.next()) received.push(m);
        }
        expect(received).toEqual(sent);
        expect(framer.buffered).toBe(0);
      },
    ),
    { numRuns: 300 },
  );
});

test('what is whole can be skipped by the reader to its last byte', () => {
  fc.assert(
    fc.property(messages, (sent) => {
      for (const message of sent) {
        const reader = new BinaryReader(message);
        reader.readMessageBegin();
        reader.skip(Type.STRUCT);
        expect(() => reader.readByte()).toThrow(LiveAuditError);
      }
    }),
  );
});

test('damaged messages end in PROTOCOL or in waiting, never in another error', () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(messages, damage, (sent, changes) => {
      const bytes = Buffer.concat(sent);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      const framer = new MessageFramer(LIMITS);
      try {
        framer.push(bytes);
        for (let m = framer.next(); m !== undefined; m = framer.next()) {
          const reader = new BinaryReader(m);
          reader.readMessageBegin();
          reader.skip(Type.STRUCT);
        }
      } catch (error) {
        expect(error).toMatchObject({ name: 'LiveAuditError', code: 'PROTOCOL' });
      }
    }),
    { numRuns: 1000 },
  );
});

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const PING = '80010001 00000004 70696e67 00000001';

test.each<[string, string]>([
  ['no version', '00000004 70696e67 01 00000001 00'],
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n').toString('hex')],
  ['a method name of 2 GiB', '80010001 7fffffff'],
  ['a negative method name', '80010001 ffffffff'],
  ['a string of 2 GiB', `${PING} 0b 0001 7fffffff`],
  ['a negative string', `${PING} 0b 0001 80000000`],
  ['a map of 2 G entries', `${PING} 0d 0001 0b0b 7fffffff`],
  ['a list of a negative length', `${PING} 0f 0001 03 ffffffff`],
  ['a list of an unknown type', `${PING} 0f 0001 63 00000001`],
  ['a list of STOP', `${PING} 0f 0001 00 00000001`],
  ['a field of an unknown type', `${PING} 05 0001`],
  ['structs in structs for ever', `${PING} ${'0c0001'.repeat(100)}`],
])('%s is refused as soon as it is read', (_name, bytes) => {
  const framer = new MessageFramer(LIMITS);
  framer.push(hex(bytes));
  expect(() => framer.next()).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
});

test('bytes that never end a message are not kept without bound', () => {
  const framer = new MessageFramer(LIMITS);
  framer.push(hex(`${PING} 0f 0001 0f 00000400`));
  const inner = hex('03 00000400 '.concat('00'.repeat(1024)));
  expect(() => {
    for (let i = 0; i < 1000; i++) {
      framer.push(inner);
      framer.next();
    }
  }).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
  expect(framer.buffered).toBeLessThan(2 * LIMITS.messageBytes);
});
