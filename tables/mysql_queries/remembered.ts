/**
 * How many identities and prepared texts the kernel keeps for collectors that come later (map `remembered`,
 * bpf/mysql-remembered.bpf.h): in memory that is taken at once, so the machine's size says. Of a connection
 * beyond it a later collector shows NULL: its user until its next statement, its prepared texts until they are
 * prepared again.
 */
import os from 'node:os';
import { StatementLayout } from './records.ts';

/** Bytes of memory for each: an entry of 1.2 KB is about a thousandth. */
const MEMORY_EACH = 1024 * 1024;
/** Powers of two. */
const LEAST = 12;
const MOST = 15;

/** @param memory of the machine, bytes */
export function rememberedEntries(memory: number): number {
  const power = Math.round(Math.log2(memory / MEMORY_EACH));
  return 2 ** Math.min(Math.max(power, LEAST), MOST);
}

export const remembered = {
  map: 'remembered',
  valueSize: StatementLayout.size,
  entries: rememberedEntries(os.totalmem()),
} as const;
