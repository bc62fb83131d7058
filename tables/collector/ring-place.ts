/** The ring file of a table as the collector opens it, and whether readers still find it. */
import fs from 'node:fs';
import type { TableSpec } from '../../extension/sdk/spec.ts';
import { RingWriter } from '../ring/writer.ts';
import { COLLECTOR_DEFAULTS } from './defaults.ts';

export interface RingPlaceOptions {
  readonly stateDir: string;
  /** Bytes of the ring file, by table; what is not named has the default. */
  readonly ringBytes?: Readonly<Record<string, number>>;
  readonly log: (line: string) => void;
}

export class RingPlace {
  readonly writer: RingWriter;
  readonly #file: string;

  /** @throws LiveAuditError RING_* */
  constructor({ stateDir, ringBytes, log }: RingPlaceOptions, spec: TableSpec) {
    const capacity = ringBytes?.[spec.name] ?? COLLECTOR_DEFAULTS.ringBytes;
    this.writer = new RingWriter({ directory: stateDir, spec, capacity });
    this.#file = fileAt(this.writer.path);
    if (!this.writer.setAside) return;
    const { path, reason, removed } = this.writer.setAside;
    const gone = removed.length > 0 ? `; removed, as the oldest: ${removed.join(', ')}` : '';
    log(`${spec.name}: set aside as ${path}: ${reason}${gone}`);
  }

  /** Whether the file that is written is still the one that readers find. */
  get isInPlace(): boolean {
    return fileAt(this.writer.path) === this.#file;
  }

  close(): void {
    this.writer.close();
  }
}

/** Which file is at a path; '' where there is none. */
function fileAt(path: string): string {
  const stat = fs.statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat ? `${stat.dev}:${stat.ino}` : '';
}
