/** Parts of a row that come out of a statement record by rules of their own. Pure. */
import { Protocol } from './records.ts';

/** Commands whose tag counts rows: the same from 10 to 18 (display_rowcount in tcop/cmdtaglist.h); MERGE since 15. */
const COUNTING = new Set([
  'SELECT',
  'INSERT',
  'UPDATE',
  'DELETE',
  'MERGE',
  'MOVE',
  'FETCH',
  'COPY',
]);

export const countsRows = (tag: string): boolean => COUNTING.has(tag);

export interface Completion {
  readonly tag: string;
  readonly rows: number | null;
}

/** The text that servers up to 12 send: `SELECT 5`, `INSERT 0 3` (an oid before the rows), `CREATE TABLE`. */
export function completionOfText(text: string): Completion {
  const match = /^([A-Z][A-Z ]*?)(?: \d+)?(?: (\d+))$/.exec(text);
  const tag = match?.[1];
  if (tag === undefined || !countsRows(tag)) return { tag: text, rows: null };
  return { tag, rows: Number(match?.[2]) };
}

/** Names of the large-object functions that libpq calls by their oid (pg_proc.dat, the same in all versions). */
const LARGE_OBJECT_FUNCTIONS: Readonly<Record<number, string>> = {
  715: 'lo_create',
  764: 'lo_import',
  765: 'lo_export',
  767: 'lo_import',
  952: 'lo_open',
  953: 'lo_close',
  954: 'loread',
  955: 'lowrite',
  956: 'lo_lseek',
  957: 'lo_creat',
  958: 'lo_tell',
  964: 'lo_unlink',
  1004: 'lo_truncate',
  3170: 'lo_lseek64',
  3171: 'lo_tell64',
  3172: 'lo_truncate64',
};

/** What a function call is called: as the server's log says it where the function is known. */
export function functionCall(oid: number): string {
  const name = LARGE_OBJECT_FUNCTIONS[oid];
  return `fastpath function call: ${name === undefined ? '' : `"${name}" `}(OID ${oid})`;
}

export const protocolName = (protocol: number): string | null =>
  protocol === Protocol.SIMPLE
    ? 'simple'
    : protocol === Protocol.EXTENDED
      ? 'extended'
      : protocol === Protocol.FASTPATH
        ? 'fastpath'
        : null;

/** signal(7), as far as the BPF side tells of it. */
const SIGNALS: Readonly<Record<number, string>> = {
  3: 'Quit',
  4: 'Illegal instruction',
  6: 'Aborted',
  7: 'Bus error',
  9: 'Killed',
  11: 'Segmentation fault',
};

/** As the postmaster says it in the log. */
export const signalText = (signal: number): string =>
  `terminated by signal ${signal}: ${SIGNALS[signal] ?? 'unknown'}`;
