/** Records that the BPF side keeps for collectors that come later. */
import fs from 'node:fs';
import { deleteElement, mapEntries } from '../../native/bpf-map.ts';
import { RecordHeader } from '../../native/events.ts';

/**
 * In the order in which they were made: a hash map has none. Those of processes that are gone are taken out.
 * @param fd of the map, each of whose values is a record
 */
export function rememberedRecords(fd: number, valueSize: number): DataView[] {
  const alive = new Map<number, boolean>();
  const records: { readonly view: DataView; readonly time: bigint }[] = [];
  const gone: Uint8Array[] = [];
  for (const { key, value } of mapEntries(fd, valueSize)) {
    const view = new DataView(value.buffer);
    const tgid = view.getUint32(RecordHeader.tgid, true);
    const isAlive = alive.get(tgid) ?? fs.existsSync(`/proc/${tgid}`);
    alive.set(tgid, isAlive);
    if (isAlive) records.push({ view, time: view.getBigUint64(RecordHeader.time, true) });
    else gone.push(key);
  }
  for (const key of gone) deleteElement(fd, key);
  return records.sort((a, b) => (a.time < b.time ? -1 : 1)).map(({ view }) => view);
}
