/** Who types, and where: out of the context record, and what /proc knows besides. */
import { exactU64, RecordHeader, u64 } from '../../native/events.ts';
import { type RecordMemory, Sample } from '../events/record-memory.ts';
import type { Context } from './command.ts';
import type { Origins } from './origin.ts';
import { placeOf } from './place.ts';
import { ContextLayout, contextLength } from './records.ts';

export class Contexts {
  readonly #origins: Origins;
  #raw = new Sample();
  #tgid = 0;
  #last: Context | null = null;

  constructor(origins: Origins) {
    this.#origins = origins;
  }

  /**
   * Most commands come from the shell that the one before came from, and nothing has changed: then nothing is
   * decoded and nothing looked up.
   * @param memory that of `view`, in which a context record begins at `offset`
   */
  of(memory: RecordMemory, view: DataView, offset: number): Context {
    const tgid = view.getUint32(offset + RecordHeader.tgid, true);
    const from = offset + RecordHeader.size;
    const to = offset + contextLength(view, offset);
    if (this.#last && tgid === this.#tgid && memory.holds(view, from, to, this.#raw))
      return this.#last;
    this.#tgid = tgid;
    this.#raw = new Sample(memory.part(view, from, to - from));
    this.#last = this.#decode(tgid, memory.bytes(view), view, offset);
    return this.#last;
  }

  #decode(tgid: number, bytes: Buffer, view: DataView, offset: number): Context {
    const { tty, cwd } = placeOf(bytes, view, offset);
    const pidNamespace = view.getUint32(offset + ContextLayout.pid_namespace, true);
    const cgroupId = exactU64(view, offset + ContextLayout.cgroup_id);
    const leader = view.getUint32(offset + ContextLayout.leader, true);
    const leaderStart = u64(view, offset + ContextLayout.leader_start);
    return {
      parent: view.getUint32(offset + ContextLayout.parent, true),
      uid: view.getUint32(offset + ContextLayout.uid, true),
      euid: view.getUint32(offset + ContextLayout.euid, true),
      gid: view.getUint32(offset + ContextLayout.gid, true),
      auid: view.getUint32(offset + ContextLayout.auid, true),
      sessionId: view.getUint32(offset + ContextLayout.sessionid, true),
      pidNamespace,
      cgroupId,
      containerId: this.#origins.container(tgid, leader, {
        start: leaderStart,
        cgroup: cgroupId,
        namespace: pidNamespace,
      }),
      remote: this.#origins.remote(leader, leaderStart),
      tty,
      cwd,
    };
  }
}
