/** One table as the collector runs it: its ring file, and the session that fills it. */
import fs from 'node:fs';
import { LiveAuditError } from '../../native/errors.ts';
import { RingWriter } from '../ring/writer.ts';
import type { Capture } from './capture.ts';
import type { CollectorOptions } from './collector.ts';
import { COLLECTOR_DEFAULTS } from './defaults.ts';
import { failedTable, type ProbeState } from './probe-state.ts';
import { CaptureSession } from './session.ts';

export class CapturedTable {
  readonly capture: Capture;
  /** null where nothing can be captured; `failure` says why. */
  readonly session: CaptureSession | null;
  readonly failure: ProbeState | null;
  readonly #writer: RingWriter;
  readonly #file: string;

  /** @throws LiveAuditError RING_* */
  constructor(options: CollectorOptions, capture: Capture, keepCapture: boolean) {
    const { stateDir: directory, assetsDir, log, onRecord } = options;
    const { spec } = capture;
    const { kernelRingBytes, maxText } = { ...COLLECTOR_DEFAULTS, ...options };
    const capacity = options.ringBytes?.[spec.name] ?? COLLECTOR_DEFAULTS.ringBytes;
    this.capture = capture;
    const writer = new RingWriter({ directory, spec, capacity });
    this.#writer = writer;
    this.#file = fileAt(writer.path);
    if (writer.setAside) {
      const { path, reason, removed } = writer.setAside;
      const gone = removed.length > 0 ? `; removed, as the oldest: ${removed.join(', ')}` : '';
      log(`${spec.name}: set aside as ${path}: ${reason}${gone}`);
    }
    let session: CaptureSession | null = null;
    let failure: ProbeState | null = null;
    try {
      const places = { stateDir: directory, assetsDir };
      const parameterBytes = options.parameterBytes?.[spec.name] ?? 0;
      const sizes = { kernelRingBytes, maxText, parameterBytes };
      session = new CaptureSession({
        ...{ capture, writer, keepCapture, log, onRecord },
        ...{ ...places, ...sizes },
      });
    } catch (error) {
      if (!(error instanceof LiveAuditError)) {
        writer.close();
        throw error;
      }
      failure = failedTable(spec.name, error.line);
      log(`${spec.name}: no capture: ${error.line}`);
    }
    this.session = session;
    this.failure = failure;
  }

  /** Whether the file that is written is still the one that readers find. */
  get isInPlace(): boolean {
    return fileAt(this.#writer.path) === this.#file;
  }

  close(): void {
    this.session?.close();
    this.#writer.close();
  }
}

/** Which file is at a path; '' where there is none. */
function fileAt(path: string): string {
  const stat = fs.statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat ? `${stat.dev}:${stat.ino}` : '';
}
