/**
 * What a collector does with the pins it finds: its own version's are gone on with where they are whole, all
 * others go. What those had counted is in the ledger before, so that what was not stored shows as lost.
 */
import { LiveAuditError } from '../../native/errors.ts';
import { BpfObject } from '../../native/libbpf.ts';
import type { RingWriter } from '../ring/writer.ts';
import { areCounters, type KernelCounters } from './kernel-counters.ts';
import { type PinnedVersion, type Pins, pinnedVersions, removePins } from './pins.ts';

export interface TakeOver {
  /** Path of the BPF object. */
  readonly object: string;
  /** Entries of maps that differ from the object's own. */
  readonly sizes: Readonly<Record<string, number>>;
  /** null: nothing is pinned. */
  readonly pins: Pins | null;
  readonly writer: RingWriter;
  readonly counters: KernelCounters;
  readonly log: (line: string) => void;
}

/**
 * Load the object, over the maps that are pinned if it can be.
 * @throws LiveAuditError BPF, BPF_DENIED, LIBBPF
 */
export function loadOverPins({ object, sizes, pins, writer, counters, log }: TakeOver): BpfObject {
  if (!pins) return new BpfObject(object, sizes);
  const replace = (reason: string) => {
    countsOf(pins, writer, counters);
    pins.clear();
    log(`pins are replaced: ${reason}`);
  };
  const { problem } = pins;
  if (problem !== null) replace(problem);
  // What was counted and read so far is not in the ledger of a new ring file.
  else if (pins.epoch !== null && pins.epoch !== writer.epoch) replace('of another ring file');
  else if (!pins.haveSizes(sizes)) replace('the kernel’s ring buffer gets another size');
  let loaded: BpfObject;
  try {
    loaded = new BpfObject(object, sizes, pins.maps);
  } catch (error) {
    if (!(error instanceof LiveAuditError) || error.code !== 'BPF' || pins.isEmpty) throw error;
    replace(error.message);
    loaded = new BpfObject(object, sizes, pins.maps);
  }
  pins.seal();
  return loaded;
}

/** Remove all pins of a table but ours. */
export function removeOthers(
  stateDir: string,
  table: string,
  { pins, writer, counters, log }: TakeOver,
): void {
  const others = pinnedVersions(stateDir, table).filter(
    ({ directory }) => directory !== pins?.directory,
  );
  for (const other of others) {
    countsOf(other, writer, counters);
    removePins(other.directory);
  }
  if (others.length > 0) log('pins of an earlier collector are removed');
}

/** The counts of pins that go, if they are those that the ring file's ledger goes by. */
function countsOf(pins: PinnedVersion, writer: RingWriter, counters: KernelCounters): void {
  if (writer.epoch !== 0n && pins.problem === null && pins.epoch === writer.epoch)
    pins.withMap('counters', (fd) => areCounters(fd) && counters.read(fd, writer));
}
