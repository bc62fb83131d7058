/** The consumer of a BPF ring buffer, over a file that stands in for the kernel's memory. */
import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KernelRing } from '../../native/kernel-ring.ts';
import { pageSize } from '../../native/libc.ts';

const PAGE = pageSize();
const SIZE = 64 * PAGE;
const HEADER = 8;
const BUSY = 0x8000_0000;
const DISCARD = 0x4000_0000;

const step = (length: number): number => (length + HEADER + 7) & ~7;

/** The producer: kernel/bpf/ringbuf.c in small. */
class FakeKernel {
  readonly #directory = mkdtempSync(join(tmpdir(), 'kernel-ring-'));
  readonly fd = openSync(join(this.#directory, 'ring'), 'w+');
  #produced = 0n;

  constructor(at = 0n) {
    ftruncateSync(this.fd, 2 * PAGE + 2 * SIZE);
    this.#produced = at;
    this.#writePosition(0, at);
    this.#writePosition(PAGE, at);
  }

  #writePosition(at: number, value: bigint): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(value);
    writeSync(this.fd, bytes, 0, 8, at);
  }

  /** Into both mappings of the data. */
  #write(bytes: Buffer, position: number): void {
    for (let i = 0; i < bytes.length; i++) {
      const at = 2 * PAGE + ((position + i) % SIZE);
      writeSync(this.fd, bytes, i, 1, at);
      writeSync(this.fd, bytes, i, 1, at + SIZE);
    }
  }

  /** Reserve and fill a record. @returns where it begins */
  put(content: Buffer, bits = 0): number {
    const position = Number(this.#produced);
    const header = Buffer.alloc(HEADER);
    header.writeUInt32LE((content.length | bits) >>> 0);
    this.#write(Buffer.concat([header, content]), position);
    this.#produced += BigInt(step(content.length));
    this.#writePosition(PAGE, this.#produced);
    return position;
  }

  /** Clear the busy bit of a record. */
  submit(position: number, length: number, bits = 0): void {
    const header = Buffer.alloc(4);
    header.writeUInt32LE((length | bits) >>> 0);
    this.#write(header, position);
  }

  get consumed(): number {
    const bytes = Buffer.alloc(8);
    readSync(this.fd, bytes, 0, 8, 0);
    return Number(bytes.readBigUInt64LE());
  }

  get produced(): number {
    return Number(this.#produced);
  }

  close(): void {
    closeSync(this.fd);
    rmSync(this.#directory, { recursive: true });
  }
}

let kernel: FakeKernel;
let ring: KernelRing;
const open = (at?: bigint): void => {
  kernel = new FakeKernel(at);
  ring = new KernelRing(kernel.fd, SIZE);
};
afterEach(() => {
  ring.close();
  kernel.close();
});

function drain(): string[] {
  const taken: string[] = [];
  const count = ring.drain((view, offset, length) => {
    taken.push(Buffer.from(view.buffer, view.byteOffset + offset, length).toString('latin1'));
  });
  expect(count).toBe(taken.length);
  ring.release();
  return taken;
}
const put = (text: string, bits?: number): number => kernel.put(Buffer.from(text), bits);

test('records in order, of any length, each once; the room is given back', () => {
  open();
  expect(drain()).toEqual([]);
  for (const text of ['a', '', '12345678', 'x'.repeat(999)]) put(text);
  expect(drain()).toEqual(['a', '', '12345678', 'x'.repeat(999)]);
  expect(kernel.consumed).toBe(kernel.produced);
  expect(drain()).toEqual([]);
  put('b');
  expect(drain()).toEqual(['b']);
});

test('what was discarded is skipped, and its room given back', () => {
  open();
  put('a');
  put('gone', DISCARD);
  put('b');
  expect(drain()).toEqual(['a', 'b']);
  put('gone', DISCARD);
  expect(drain()).toEqual([]);
  expect(kernel.consumed).toBe(kernel.produced);
});

test('a record that is still written holds back what is behind it, until it is there', () => {
  open();
  put('a');
  const busy = put('late', BUSY);
  put('b');
  expect(drain()).toEqual(['a']);
  expect(kernel.consumed).toBe(busy);
  expect(drain()).toEqual([]);
  kernel.submit(busy, 4);
  expect(drain()).toEqual(['late', 'b']);
});

test('a record that is discarded after all', () => {
  open();
  const busy = put('late', BUSY);
  put('b');
  expect(drain()).toEqual([]);
  kernel.submit(busy, 4, DISCARD);
  expect(drain()).toEqual(['b']);
});

test('the room stays taken until it is released: the next consumer gets it again', () => {
  open();
  put('a');
  const ends: number[] = [];
  expect(ring.drain((_view, _offset, _length, end) => ends.push(end))).toBe(1);
  expect([ends, ring.position, ring.released]).toEqual([[kernel.produced], kernel.produced, 0]);
  expect(kernel.consumed).toBe(0);
  ring.close();
  ring = new KernelRing(kernel.fd, SIZE);
  expect(drain()).toEqual(['a']);
  expect(kernel.consumed).toBe(kernel.produced);
});

test('a record over the end of the data is whole', () => {
  open();
  const long = 'y'.repeat(SIZE / 4 + 12);
  for (let n = 0; n < 9; n++) {
    put(`${n}${long}`);
    expect(drain()).toEqual([`${n}${long}`]);
  }
  expect(kernel.produced).toBeGreaterThan(2 * SIZE);
});

test('goes on where the consumer before it stopped, also beyond 4 GiB', () => {
  open(2n ** 33n + 64n);
  put('a');
  expect(drain()).toEqual(['a']);
  const again = new KernelRing(kernel.fd, SIZE);
  put('b');
  ring.close();
  ring = again;
  expect(drain()).toEqual(['b']);
});

test('a sink that throws keeps nobody from the records behind it', () => {
  open();
  put('a');
  put('b');
  put('c');
  const seen: number[] = [];
  expect(() =>
    ring.drain((_, offset) => {
      seen.push(offset);
      if (seen.length === 2) throw new Error('full');
    }),
  ).toThrow('full');
  expect(drain()).toEqual(['c']);
});
