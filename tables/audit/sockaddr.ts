/**
 * The address of a SOCKADDR record: the bytes of a struct sockaddr, whose family, below 256, is in the
 * machine's byte order and whose port is in the network's (linux/un.h, linux/in.h, linux/in6.h).
 */
import { SocketAddress } from 'node:net';
import { toText } from '../events/text.ts';

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;

const FAMILY_BYTES = 2;
const Inet = { port: 2, address: 4, end: 8 } as const;
const Inet6 = { port: 2, address: 8, end: 24 } as const;

export interface Endpoint {
  /** An IP address, the path of a Unix socket, or `@` and its name if it is an abstract one. */
  readonly address: string;
  /** NULL where the family has none. */
  readonly port: number | null;
}

/** @returns null for other families, a socket without a name, and what is cut */
export function endpointOf(bytes: Buffer): Endpoint | null {
  if (bytes.length < FAMILY_BYTES) return null;
  switch (bytes[0] || bytes[1]) {
    case AF_UNIX: {
      const address = unixName(bytes.subarray(FAMILY_BYTES));
      return address === '' ? null : { address, port: null };
    }
    case AF_INET:
      if (bytes.length < Inet.end) return null;
      return {
        address: bytes.subarray(Inet.address, Inet.end).join('.'),
        port: bytes.readUInt16BE(Inet.port),
      };
    case AF_INET6:
      if (bytes.length < Inet6.end) return null;
      return {
        address: ipv6(bytes.subarray(Inet6.address, Inet6.end)),
        port: bytes.readUInt16BE(Inet6.port),
      };
    default:
      return null;
  }
}

function unixName(bytes: Buffer): string {
  if (bytes[0] === 0) {
    // Abstract: all of the rest is the name, but programs that give the whole structure fill it with NUL.
    const name = toText(bytes.subarray(1)).replace(/\0+$/, '');
    return name === '' ? '' : `@${name}`;
  }
  const end = bytes.indexOf(0);
  return toText(end < 0 ? bytes : bytes.subarray(0, end));
}

/** As inet_ntop(3) writes it. */
function ipv6(bytes: Buffer): string {
  const groups = bytes.toString('hex').match(/.{4}/g) ?? [];
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
}
