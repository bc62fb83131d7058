/** One table as the collector runs it: its ring file, and the session that fills it. */
import { LiveAuditError } from '../../native/errors.ts';
import type { Capture } from './capture.ts';
import type { CollectorOptions } from './collector.ts';
import { COLLECTOR_DEFAULTS } from './defaults.ts';
import { failedTable, type ProbeState } from './probe-state.ts';
import { RingPlace } from './ring-place.ts';
import { CaptureSession } from './session.ts';

export class CapturedTable {
  readonly capture: Capture;
  /** null where nothing can be captured; `failure` says why. */
  readonly session: CaptureSession | null;
  readonly failure: ProbeState | null;
  readonly #ring: RingPlace;

  /** @throws LiveAuditError RING_* */
  constructor(options: CollectorOptions, capture: Capture, keepCapture: boolean) {
    const { stateDir: directory, assetsDir, log, onRecord } = options;
    const { spec } = capture;
    const { kernelRingBytes, maxText, redaction } = { ...COLLECTOR_DEFAULTS, ...options };
    this.capture = capture;
    this.#ring = new RingPlace(options, spec);
    const { writer } = this.#ring;
    let session: CaptureSession | null = null;
    let failure: ProbeState | null = null;
    try {
      const places = { stateDir: directory, assetsDir };
      const parameterBytes = options.parameterBytes?.[spec.name] ?? 0;
      const sizes = { kernelRingBytes, maxText, parameterBytes };
      const settings = options.settings?.[spec.name];
      session = new CaptureSession({
        ...{ capture, writer, keepCapture, log, onRecord, redaction },
        ...{ ...places, ...sizes, settings, targets: options.targets ?? [] },
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
    return this.#ring.isInPlace;
  }

  close(): void {
    this.session?.close();
    this.#ring.close();
  }
}
