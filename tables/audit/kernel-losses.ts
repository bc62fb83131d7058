/**
 * Records that were lost before we could see them: those for which the kernel had no room in its own queue
 * (`lost` of AUDIT_GET, which needs CAP_AUDIT_CONTROL), and those for which our socket had none.
 */
import { AuditControl } from '../../native/audit-control.ts';
import { LiveAuditError } from '../../native/errors.ts';
import type { NetlinkSocket } from '../../native/netlink.ts';

/** The kernel starts a thread for each answer: not at every tick. */
const TICKS_PER_STATUS = 5;

const OFF =
  'audit is off, so the table stays empty: `live_audit.ext audit-rules --check` says what is missing';

export class KernelLosses {
  readonly #socket: NetlinkSocket;
  readonly #control: AuditControl | null = null;
  /** What is wrong, for live_audit_probes.last_error; null if nothing is. */
  problem: string | null = null;
  /** Records lost in both ways since the session began. */
  records = 0;
  #lost: number | null = null;
  #drops = 0;
  #ticks = 0;

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
    try {
      this.#control = new AuditControl();
    } catch (error) {
      this.problem = lineOf(error);
    }
    this.#drops = socket.drops();
    this.#status();
  }

  /** @returns records that the kernel says it lost since the last call: never negative */
  read(): number {
    const drops = this.#socket.drops();
    this.records += (drops - this.#drops) >>> 0;
    this.#drops = drops;
    const isDue = this.#ticks++ % TICKS_PER_STATUS === 0;
    const lost = isDue ? this.#status() : 0;
    this.records += lost;
    return lost;
  }

  #status(): number {
    if (this.#control === null) return 0;
    try {
      const { enabled, lost } = this.#control.status();
      this.problem = enabled === 0 ? OFF : null;
      // Somebody may have set it to 0.
      const more = this.#lost === null ? 0 : lost >= this.#lost ? lost - this.#lost : lost;
      this.#lost = lost;
      return more;
    } catch (error) {
      this.problem = lineOf(error);
      return 0;
    }
  }

  close(): void {
    this.#control?.close();
  }
}

const lineOf = (error: unknown): string =>
  error instanceof LiveAuditError ? error.line : String(error);
