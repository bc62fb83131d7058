/** Events without an end are closed once, and losses counted once, wherever a collector is killed. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Assembler } from '../../tables/collector/capture.ts';
import { CheckpointFile } from '../../tables/collector/checkpoint.ts';
import { Losses } from '../../tables/collector/losses.ts';
import { OpenEvents } from '../../tables/collector/open-events.ts';
import { Trouble } from '../../tables/collector/trouble.ts';
import type { Event } from '../../tables/event.ts';
import { RingReader } from '../../tables/ring/reader.ts';
import { RingWriter } from '../../tables/ring/writer.ts';
import { makeDirectory, removeDirectories } from '../fixtures/ring-directory.ts';
import { ringRow, ringTable as spec } from '../fixtures/ring-table.ts';

const EPOCH = 77n;
const POSITION = 4096;
const PID = 2;
const PIDS = [11, 12, 13, 14];

afterEach(removeDirectories);

/** Holds an event for each process; that of 13 can come to nothing. */
class FakeAssembler implements Assembler {
  readonly open: Set<number>;
  readonly #empty: number | null;

  constructor(pids: readonly number[] = [], empty: number | null = null) {
    this.open = new Set(pids);
    this.#empty = empty;
  }

  accept(): null {
    return null;
  }
  get isOpen(): boolean {
    return this.open.size > 0;
  }
  get openPids(): Iterable<number> {
    return this.open;
  }
  save(): number[] {
    return [...this.open];
  }
  restore(state: unknown): void {
    for (const pid of state as number[]) this.open.add(pid);
  }
  abandon(pid: number): Event | null {
    const event = ringRow(0);
    event[PID] = pid;
    return this.open.delete(pid) && pid !== this.#empty ? event : null;
  }
}

class Killed extends Error {}

/** One life of a collector. */
class Life {
  readonly writer: RingWriter;
  readonly losses: Losses;
  readonly assembler: FakeAssembler;
  readonly events: OpenEvents;
  readonly #file: CheckpointFile;
  readonly #killAt: (step: string) => void;
  readonly #refused: ReadonlySet<number>;

  constructor(
    directory: string,
    life: {
      readonly pids?: readonly number[];
      readonly empty?: number | null;
      readonly refused?: readonly number[];
      readonly killAt?: (step: string) => void;
    } = {},
  ) {
    this.#killAt = life.killAt ?? (() => {});
    this.#refused = new Set(life.refused);
    this.writer = new RingWriter({ directory, spec, capacity: 65_536 });
    this.writer.beginEpoch(EPOCH);
    this.losses = new Losses(directory, spec.name, this.writer);
    this.losses.resume(EPOCH);
    this.assembler = new FakeAssembler(life.pids, life.empty);
    this.#file = new CheckpointFile(directory, spec.name);
    const file = {
      read: () => this.#file.read(),
      write: (checkpoint: Parameters<CheckpointFile['write']>[0]) => {
        this.#killAt('before a checkpoint');
        this.#file.write(checkpoint);
        this.#killAt('after a checkpoint');
      },
    } as CheckpointFile;
    const { assembler, writer } = this;
    this.events = new OpenEvents({ assembler, writer, file, trouble: new Trouble(() => {}) });
  }

  close(pids: readonly number[] = [...this.assembler.openPids]): void {
    this.events.close(pids, { epoch: EPOCH, position: POSITION }, (event, source) => {
      this.#killAt('before a store');
      if (this.#refused.has(Number(event[PID]))) {
        this.losses.count('lost_store', source);
        return false;
      }
      this.writer.add(event, source);
      this.#killAt('after a store');
      // A reader, or a pass that is full, may have it published at any moment.
      this.writer.publish();
      this.#killAt('after a publish');
      return true;
    });
  }

  /** Nothing more is written. */
  end(): void {
    this.#file.close();
    this.losses.close();
    this.writer.close();
  }
}

function storedPids(directory: string): unknown[] {
  const reader = new RingReader({ directory, spec });
  const pids = Array.from(reader.range(), (record) => record.value(PID));
  reader.close();
  return pids;
}

/** Kill at the nth step. */
const killer = (at: number) => {
  let step = 0;
  return () => {
    if (step++ === at) throw new Killed();
  };
};

/** Close all of PIDS, with a kill at each step in turn, and what came of it. */
function* killed(
  life: { empty?: number; refused?: number[] } = {},
): Generator<{ pids: unknown[]; lost: number }> {
  for (let at = 0; ; at++) {
    const directory = makeDirectory();
    const first = new Life(directory, { ...life, pids: PIDS });
    first.events.save(EPOCH, POSITION); // as after the records of the last pass
    first.end();
    const second = new Life(directory, { ...life, killAt: killer(at) });
    expect(second.events.resume(EPOCH, POSITION)).toBe(POSITION);
    let done = true;
    try {
      second.close();
    } catch (error) {
      // OpenEvents takes a failing checkpoint for a full disk, and goes on later.
      if (!(error instanceof Killed)) throw error;
      done = false;
    }
    done &&= second.assembler.open.size === 0;
    second.end();
    const third = new Life(directory, life);
    third.events.resume(EPOCH, POSITION);
    third.close();
    const lost = third.writer.ledger().lost_store;
    third.end();
    yield { pids: storedPids(directory), lost };
    if (done) return;
  }
}

test('killed at every step: each event is stored once', () => {
  let rounds = 0;
  for (const { pids } of killed()) {
    rounds++;
    expect(pids).toEqual(PIDS);
  }
  expect(rounds).toBeGreaterThan(3 * PIDS.length);
});

test('one that comes to nothing does not shift the others', () => {
  for (const { pids } of killed({ empty: 13 })) expect(pids).toEqual([11, 12, 14]);
});

test('one that the ring refuses is counted, and the others are stored once', () => {
  for (const { pids, lost } of killed({ refused: [12] })) {
    expect(pids).toEqual([11, 13, 14]);
    expect(lost).toBeGreaterThanOrEqual(1);
  }
});

test('a checkpoint that is older than what the kernel has its room back of is not gone on with', () => {
  const directory = makeDirectory();
  const first = new Life(directory, { pids: PIDS });
  first.events.save(EPOCH, POSITION);
  first.end();
  const second = new Life(directory);
  expect(second.events.resume(EPOCH, POSITION + 8)).toBe(0);
  expect(second.events.resume(EPOCH + 1n, POSITION)).toBe(0);
  expect(second.assembler.open.size).toBe(0);
  second.end();
});

describe('the kernel’s ring buffer is gone', () => {
  function storedAfter(source: number): unknown[] {
    const directory = makeDirectory();
    const first = new Life(directory, { pids: PIDS });
    first.events.save(EPOCH, POSITION);
    if (source > 0) first.writer.append(ringRow(5), source);
    first.end();
    const second = new Life(directory);
    second.events.closeThoseOf(EPOCH, (event, at) => second.writer.add(event, at) > 0);
    second.writer.publish();
    second.end();
    return storedPids(directory);
  }

  test('what was open is stored as it stands', () => expect(storedAfter(0)).toEqual(PIDS));
  test('also after an event that the checkpoint knows of', () =>
    expect(storedAfter(POSITION)).toEqual([5, ...PIDS]));
  test('but not from a checkpoint that is older than the last event', () =>
    expect(storedAfter(POSITION + 8)).toEqual([5]));
});

describe('losses', () => {
  test('go on with the next collector, and end with the epoch', () => {
    const directory = makeDirectory();
    const first = new Life(directory);
    first.losses.count('lost_store', 100);
    first.losses.count('lost_decode', 200);
    first.losses.count('lost_store', 300);
    first.end();
    const second = new Life(directory);
    expect(second.losses.position).toBe(300);
    expect(second.writer.ledger()).toMatchObject({ lost_store: 2, lost_decode: 1 });
    second.writer.beginEpoch(EPOCH + 1n);
    second.losses.resume(EPOCH + 1n);
    expect(second.losses.position).toBe(0);
    second.losses.count('lost_store', 50);
    expect(second.writer.ledger()).toMatchObject({ lost_store: 3, lost_decode: 1 });
    second.end();
  });

  test('killed before the ledger was told: the next collector tells it', () => {
    const directory = makeDirectory();
    const first = new Life(directory);
    jest.spyOn(first.writer, 'setTotal').mockImplementation(() => {
      throw new Killed();
    });
    expect(() => first.losses.count('lost_store', 100)).toThrow(Killed);
    first.end();
    const second = new Life(directory);
    expect(second.writer.ledger().lost_store).toBe(1);
    expect(second.losses.position).toBe(100);
    second.end();
  });

  test('what came before a loss is published with it: its record will not be looked at again', () => {
    const directory = makeDirectory();
    const first = new Life(directory);
    first.writer.add(ringRow(1), 50);
    first.losses.count('lost_store', 100);
    first.end();
    expect(storedPids(directory)).toEqual([1]);
  });

  test('a file of other bytes counts for nothing', () => {
    const directory = makeDirectory();
    const first = new Life(directory);
    first.losses.count('lost_store', 100);
    first.end();
    const file = `${directory}/${spec.name}.lost`;
    const bytes = Buffer.from(readFileSync(file));
    bytes[20] = (bytes[20] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    const second = new Life(directory);
    expect(second.losses.position).toBe(0);
    second.end();
  });
});
