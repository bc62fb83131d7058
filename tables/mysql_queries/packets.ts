/** Packets that are too long for a statement's record: put together from their chunks, by number. */
import { RecordFlag, RecordHeader, TextRecord } from '../../native/events.ts';

export interface Packet {
  readonly tgid: number;
  readonly chunks: Buffer[];
  /** Bytes in the chunks. */
  size: number;
  /** Bytes that the packet has. */
  total: number;
  cut: boolean;
  failed: boolean;
  ended: boolean;
}

/** Packets whose statement's record was lost do not stay for ever. */
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_PACKETS = 4096;
/** So many numbers later nobody waits for one any more. */
const MAX_AGE = 65_536;

export class Packets {
  readonly #open = new Map<number, Packet>();
  #bytes = 0;

  get size(): number {
    return this.#open.size;
  }

  get all(): ReadonlyMap<number, Packet> {
    return this.#open;
  }

  /** Take over what an earlier one had. */
  restore(number: number, packet: Packet): void {
    this.#open.set(number, packet);
    this.#bytes += packet.size;
  }

  /** @param bytes all of the view's memory */
  add(bytes: Buffer, view: DataView, at: number): Packet {
    const number = view.getUint32(at + RecordHeader.seq, true);
    const flags = view.getUint16(at + RecordHeader.flags, true);
    const size = view.getUint32(at + TextRecord.size, true);
    let packet = this.#open.get(number);
    if (!packet) {
      const tgid = view.getUint32(at + RecordHeader.tgid, true);
      packet = { tgid, chunks: [], size: 0, total: 0, cut: false, failed: false, ended: false };
      this.#open.set(number, packet);
    }
    const from = at + TextRecord.text;
    packet.chunks.push(Buffer.from(bytes.subarray(from, from + size)));
    packet.size += size;
    this.#bytes += size;
    packet.total = view.getUint32(at + TextRecord.total, true);
    packet.cut ||= (flags & RecordFlag.TEXT_CUT) !== 0;
    packet.failed ||= (flags & RecordFlag.READ_FAILED) !== 0;
    packet.ended ||= (flags & RecordFlag.LAST) !== 0;
    this.#bound(packet, number);
    return packet;
  }

  get(number: number): Packet | undefined {
    return this.#open.get(number);
  }

  remove(number: number): void {
    this.#bytes -= this.#open.get(number)?.size ?? 0;
    this.#open.delete(number);
  }

  forgetServer(tgid: number): void {
    for (const [number, packet] of this.#open) if (packet.tgid === tgid) this.remove(number);
  }

  #bound(newest: Packet, last: number): void {
    for (const [number, packet] of this.#open) {
      const isOld = (last - number) >>> 0 > MAX_AGE && (last - number) >>> 0 < MAX_AGE ** 2 / 2;
      if (!isOld && this.#bytes <= MAX_BYTES && this.#open.size <= MAX_PACKETS) return;
      if (packet !== newest) this.remove(number);
    }
  }
}

/** The bytes of a packet from its begin on, or null where a chunk was lost or could not be read. */
export function wholePacket(packet: Packet | undefined): Buffer | null {
  if (!packet?.ended || packet.failed) return null;
  if (!packet.cut && packet.size !== packet.total) return null;
  const [only] = packet.chunks;
  return only && packet.chunks.length === 1 ? only : Buffer.concat(packet.chunks);
}
