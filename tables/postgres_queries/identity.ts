/** Who is connected to a backend: out of its identity record, as cells of a row. */
import { isIPv6 } from 'node:net';
import { RecordHeader } from '../../native/events.ts';
import { textCell } from '../events/text.ts';
import { fieldText, IdentityKnown, IdentityLayout, NAME_BYTES } from './records.ts';

export interface Identity {
  /** Start of the process, ns since boot: a pid may be used again. */
  readonly started: bigint;
  readonly uid: number;
  readonly user: string | null;
  readonly database: string | null;
  readonly application: string | null;
  readonly address: string | null;
  readonly port: number | null;
  readonly container: string | null;
}

/** Who is connected, as far as it is known. */
export type Who = { readonly [K in Exclude<keyof Identity, 'started'>]: Identity[K] | null };

export const NOBODY: Who = {
  uid: null,
  user: null,
  database: null,
  application: null,
  address: null,
  port: null,
  container: null,
};

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const LOCAL = '[local]';
const TITLE_BYTES = IdentityLayout.size - IdentityLayout.title;

/**
 * @param containerOf the container of the first of these processes that is still there
 */
export function decodeIdentity(
  bytes: Buffer,
  view: DataView,
  at: number,
  containerOf: (pids: readonly number[]) => string | null,
): Identity {
  const known = view.getUint32(at + IdentityLayout.known, true);
  const name = (offset: number) => String(textCell(fieldText(bytes, at + offset, NAME_BYTES)));
  const pid = view.getUint32(at + RecordHeader.tgid, true);
  const parent = view.getUint32(at + IdentityLayout.parent, true);
  const common = {
    started: view.getBigUint64(at + IdentityLayout.started, true),
    uid: view.getUint32(at + IdentityLayout.uid, true),
    application:
      (known & IdentityKnown.APPLICATION) !== 0 ? name(IdentityLayout.application) : null,
    container: containerOf([pid, parent]),
  };
  if ((known & IdentityKnown.PORT) === 0) {
    const title = fieldText(bytes, at + IdentityLayout.title, TITLE_BYTES).toString('latin1');
    return { ...common, ...identityOfTitle(title) };
  }
  return {
    ...common,
    user: name(IdentityLayout.user),
    database: name(IdentityLayout.database),
    ...peerOf(bytes, view, at),
  };
}

function peerOf(
  bytes: Buffer,
  view: DataView,
  at: number,
): { address: string | null; port: number | null } {
  const family = view.getUint16(at + IdentityLayout.family, true);
  const from = at + IdentityLayout.address;
  const port = view.getUint16(at + IdentityLayout.port, false);
  if (family === AF_UNIX) return { address: LOCAL, port: null };
  if (family === AF_INET) return { address: [...bytes.subarray(from, from + 4)].join('.'), port };
  if (family === AF_INET6) return { address: ipv6(bytes.subarray(from, from + 16)), port };
  return { address: null, port: null };
}

/** As inet_ntop writes it: the longest run of zeros as `::`, an IPv4-mapped address in dots. */
export function ipv6(address: Uint8Array): string {
  const words = Array.from({ length: 8 }, (_, i) =>
    (((address[2 * i] ?? 0) << 8) | (address[2 * i + 1] ?? 0)).toString(16),
  );
  if (words.slice(0, 5).every((word) => word === '0') && words[5] === 'ffff')
    return `::ffff:${[...address.subarray(12, 16)].join('.')}`;
  let best = { start: 0, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && words[start + length] === '0') length++;
    if (length > best.length) best = { start, length };
  }
  if (best.length < 2) return words.join(':');
  const head = words.slice(0, best.start).join(':');
  return `${head}::${words.slice(best.start + best.length).join(':')}`;
}

/**
 * The process title of a backend: `postgres: user database address(port) activity`, with `cluster_name: ` in
 * front where there is one. For servers whose Port is not known; names with spaces are ambiguous there.
 */
const TITLE = /^postgres: (?:\S+: )?(\S+) (\S+) (?:(\[local\])|([0-9a-f.:]+)\((\d+)\))(?: |$)/;

export function identityOfTitle(
  title: string,
): Pick<Identity, 'user' | 'database' | 'address' | 'port'> {
  const match = TITLE.exec(title);
  const [, user, database, local, address, port] = match ?? [];
  if (user === undefined || database === undefined)
    return { user: null, database: null, address: null, port: null };
  if (local !== undefined) return { user, database, address: LOCAL, port: null };
  const valid = address !== undefined && (isIPv6(address) || /^[\d.]+$/.test(address));
  return { user, database, address: valid ? address : null, port: valid ? Number(port) : null };
}
