/**
 * When a statement began, by the server's clock, and how long it took. In numbers, which are exact here (ns since
 * boot up to 104 days, then to the 2 ns): bigints made half the cost of a statement.
 */
import { RecordHeader, u64 } from '../../native/events.ts';
import { type Cell, Int64, placesOf } from '../event.ts';
import { UnixTime } from '../events/unix-time.ts';
import { StatementLayout } from './records.ts';
import { spec } from './spec.ts';

/** 2000-01-01, where the server's time begins: µs of Unix time. */
const POSTGRES_EPOCH_US = 946_684_800_000_000;

const at = placesOf(spec);

export class Times {
  /** World.bootToUnix as it was last, and as whole µs and the ns that are left. */
  #bootToUnix = 0n;
  #bootUs = 0;
  #bootRestNs = 0;
  readonly #timeNs = new Int64();
  readonly #ended = new UnixTime();

  /** Fill in the times of a statement record. */
  put(event: Cell[], view: DataView, offset: number, bootToUnix: bigint): void {
    if (bootToUnix !== this.#bootToUnix) {
      this.#bootToUnix = bootToUnix;
      this.#bootUs = Number(bootToUnix / 1000n);
      this.#bootRestNs = Number(bootToUnix % 1000n);
    }
    const ended = u64(view, offset + RecordHeader.time);
    const started = u64(view, offset + StatementLayout.start);
    if (started === 0) {
      const { ns, seconds } = this.#ended.set(ended, bootToUnix);
      event[at.time] = seconds;
      event[at.time_ns] = ns;
      event[at.uptime] = Math.floor(ended / 1e9);
      event[at.duration] = null;
      return;
    }
    const beganUs = started + POSTGRES_EPOCH_US;
    const boot = (beganUs - this.#bootUs) * 1000 - this.#bootRestNs;
    event[at.time] = Math.floor(beganUs / 1e6);
    event[at.time_ns] = this.#timeNs.setProduct(beganUs, 1000);
    event[at.uptime] = boot >= 0 ? Math.floor(boot / 1e9) : null;
    // Negative where the clock was set back meanwhile.
    event[at.duration] = ended >= boot ? ended - boot : null;
  }
}
