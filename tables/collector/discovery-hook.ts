/** The exec hook: tells of each program file that is run for the first time (bpf/discover.bpf.c). */
import { bpfObjectPath } from '../../native/assets.ts';
import { deleteElement, lookupArray } from '../../native/bpf-map.ts';
import { KernelRing, RingWaker } from '../../native/kernel-ring.ts';
import { BpfObject } from '../../native/libbpf.ts';
import { SHORT_PAUSE_MS } from '../../native/ring-pace.ts';

/** struct program_key and struct program_record of bpf/discover.h; tested against it. */
export const ProgramKey = { ino: 0, size: 8, mtime: 16, dev: 24, generation: 28 } as const;
export const PROGRAM_KEY_SIZE = 32;
export const ProgramRecord = { key: 0, tgid: 32, path_size: 36, path: 40 } as const;
export const PROGRAM_PATH = 256;

const RECORD_SIZE = ProgramRecord.path + PROGRAM_PATH;
const OBJECT = 'discover.bpf.o';

/** A program file that was run. */
export interface ProgramReport {
  /** Hex of struct program_key: the real inode and its version, as the kernel has them. */
  readonly key: string;
  readonly pid: number;
  /** The path that exec was given, or '': it may be relative, or of another mount namespace. */
  readonly path: string;
  readonly ino: bigint;
  /** `size:mtime` in bytes and ns, as FileIdentity has it. */
  readonly version: string;
}

/** @returns null where the bytes are no such record */
export function decodeProgramReport(
  view: DataView,
  offset: number,
  length: number,
): ProgramReport | null {
  if (length !== RECORD_SIZE) return null;
  const pathSize = view.getUint32(offset + ProgramRecord.path_size, true);
  if (pathSize >= PROGRAM_PATH) return null;
  const bytes = Buffer.from(view.buffer, view.byteOffset + offset, length);
  const size = view.getBigUint64(offset + ProgramKey.size, true);
  const mtime = view.getBigInt64(offset + ProgramKey.mtime, true);
  return {
    key: bytes.toString('hex', 0, PROGRAM_KEY_SIZE),
    pid: view.getUint32(offset + ProgramRecord.tgid, true),
    path: bytes.toString('utf8', ProgramRecord.path, ProgramRecord.path + pathSize),
    ino: view.getBigUint64(offset + ProgramKey.ino, true),
    version: `${size}:${mtime}`,
  };
}

export class ExecHook {
  readonly #object: BpfObject;
  readonly #ring: KernelRing;
  readonly #waker: RingWaker;
  readonly #onProgram: (report: ProgramReport) => void;
  #closed = false;

  /** @throws LiveAuditError BPF, BPF_DENIED, LIBBPF */
  constructor(assetsDir: string, onProgram: (report: ProgramReport) => void) {
    this.#onProgram = onProgram;
    this.#object = new BpfObject(bpfObjectPath(assetsDir, OBJECT));
    try {
      const fd = this.#object.mapFd('programs');
      this.#ring = new KernelRing(fd, this.#object.mapEntries('programs'));
      this.#object.attachTracepoint('discover_exec');
      this.#waker = new RingWaker(fd, () => this.#drain());
    } catch (error) {
      this.#object.close();
      throw error;
    }
  }

  /** @returns how long the next look may wait, ms; 0: nothing was there */
  #drain(): number {
    if (this.#closed) return 0; // by what was done about a report
    // Copied first: what is done about them takes its time, and the ring is small.
    const reports: ProgramReport[] = [];
    this.#ring.drain((view, offset, length) => {
      const report = decodeProgramReport(view, offset, length);
      if (report) reports.push(report);
    });
    this.#ring.release();
    for (const report of reports) if (!this.#closed) this.#onProgram(report);
    return reports.length > 0 ? SHORT_PAUSE_MS : 0;
  }

  /** Have the next exec of this file reported again. */
  forget(key: string): void {
    deleteElement(this.#object.mapFd('reported'), Buffer.from(key, 'hex'));
  }

  /** Reports for which the ring had no room; their files are reported at their next exec. */
  get lost(): number {
    const value = new BigUint64Array(1);
    lookupArray(this.#object.mapFd('lost'), 0, new Uint8Array(value.buffer));
    return Number(value[0]);
  }

  close(): void {
    this.#closed = true;
    this.#waker.close();
    this.#object.close();
    this.#ring.close();
  }
}
