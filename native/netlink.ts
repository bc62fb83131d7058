/**
 * Netlink sockets through koffi (linux/netlink.h, linux/socket.h; the values are the same on x86-64 and arm64).
 * A socket is read in batches by recvmmsg(2): one call brings up to 64 messages into memory of ours.
 */
import fs from 'node:fs';
import koffi from 'koffi';
import { errnoName } from './libc.ts';

const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int domain, int type, int protocol)');
const bind = libc.func('int bind(int fd, const void *address, unsigned int length)');
const setsockopt = libc.func(
  'int setsockopt(int fd, int level, int name, const void *value, unsigned int length)',
);
const getsockopt = libc.func(
  'int getsockopt(int fd, int level, int name, void *value, _Inout_ unsigned int *length)',
);
const send = libc.func('int64_t send(int fd, const void *bytes, size_t length, int flags)');
const recvmmsg = libc.func(
  'int recvmmsg(int fd, void *messages, unsigned int count, int flags, void *timeout)',
);

const poll = libc.func('int poll(void *descriptors, unsigned long count, int timeout)');

/** struct pollfd: int fd, short events, short revents. */
const POLLFD = { size: 8, events: 4 } as const;
const POLLIN = 1;

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
/** u32 array; the drops are how many messages found no room in the receive buffer. */
const SO_MEMINFO = 55;
const SK_MEMINFO_DROPS = 8;
const SK_MEMINFO_VARS = 9;
const MSG_TRUNC = 0x20;

/** struct sockaddr_nl: u16 family, u16 pad, u32 pid, u32 groups. */
const SOCKADDR_NL = { size: 12, pid: 4, groups: 8 } as const;
/** The kernel's own port. */
const KERNEL = 0;

/** struct nlmsghdr. */
export const NetlinkHeader = { length: 0, type: 4, flags: 6, seq: 8, pid: 12, size: 16 } as const;

/** struct mmsghdr on 64-bit machines: struct msghdr, u32 length received, pad. */
const MMSGHDR = {
  size: 64,
  name: 0,
  namelen: 8,
  iov: 16,
  iovlen: 24,
  flags: 48,
  length: 56,
} as const;
/** struct iovec: pointer, size_t. */
const IOVEC = { size: 16, length: 8 } as const;

const BATCH = 64;
/** The kernel's audit records end at 8970 bytes (MAX_AUDIT_MESSAGE_LENGTH); a rule is a little over 1 KiB. */
const MESSAGE_BYTES = 16 * 1024;

/** errno values (asm-generic/errno.h). */
const EINTR = 4;
const EAGAIN = 11;
const ENOBUFS = 105;

export class NetlinkError extends Error {
  readonly errno: number;

  constructor(what: string, errno: number) {
    super(`${what}: ${errnoName(errno)}`);
    this.errno = errno;
  }
}

/** One message: its header begins at `start`. `bytes` is valid only during the call. */
export type MessageSink = (bytes: Buffer, start: number, end: number, truncated: boolean) => void;

export interface Received {
  /** Messages that were there. */
  readonly count: number;
  /** The kernel said that it had dropped messages for want of room (ENOBUFS). */
  readonly overrun: boolean;
}

export class NetlinkSocket {
  readonly fd: number;
  /** Each message has a place of its own in here. The four buffers refer to each other by address. */
  readonly #bytes = Buffer.alloc(BATCH * MESSAGE_BYTES);
  readonly #iovecs = Buffer.alloc(BATCH * IOVEC.size);
  readonly #senders = Buffer.alloc(BATCH * SOCKADDR_NL.size);
  readonly #headers = Buffer.alloc(BATCH * MMSGHDR.size);
  readonly #memInfo = new Uint32Array(SK_MEMINFO_VARS);
  #closed = false;

  /**
   * @param groups bit mask of multicast groups
   * @throws NetlinkError
   */
  constructor(protocol: number, groups: number) {
    this.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    if (this.fd < 0) throw new NetlinkError('socket', koffi.errno());
    const address = Buffer.alloc(SOCKADDR_NL.size);
    address.writeUInt16LE(AF_NETLINK);
    address.writeUInt32LE(groups, SOCKADDR_NL.groups);
    if (bind(this.fd, address, address.length) !== 0) {
      const errno = koffi.errno();
      fs.closeSync(this.fd);
      throw new NetlinkError('bind', errno);
    }
    const bytes = koffi.address(this.#bytes);
    const iovecs = koffi.address(this.#iovecs);
    const senders = koffi.address(this.#senders);
    for (let i = 0; i < BATCH; i++) {
      const iovec = i * IOVEC.size;
      this.#iovecs.writeBigUInt64LE(bytes + BigInt(i * MESSAGE_BYTES), iovec);
      this.#iovecs.writeBigUInt64LE(BigInt(MESSAGE_BYTES), iovec + IOVEC.length);
      const header = i * MMSGHDR.size;
      this.#headers.writeBigUInt64LE(senders + BigInt(i * SOCKADDR_NL.size), header + MMSGHDR.name);
      this.#headers.writeUInt32LE(SOCKADDR_NL.size, header + MMSGHDR.namelen);
      this.#headers.writeBigUInt64LE(iovecs + BigInt(iovec), header + MMSGHDR.iov);
      this.#headers.writeBigUInt64LE(1n, header + MMSGHDR.iovlen);
    }
  }

  /**
   * Ask for a receive buffer, beyond the system's limit where we may (CAP_NET_ADMIN).
   * It is a bound, not memory that is taken: the kernel counts it twice, for its own overhead.
   */
  setReceiveBuffer(size: number): void {
    const value = Buffer.alloc(4);
    value.writeInt32LE(size);
    if (setsockopt(this.fd, SOL_SOCKET, SO_RCVBUFFORCE, value, value.length) === 0) return;
    setsockopt(this.fd, SOL_SOCKET, SO_RCVBUF, value, value.length);
  }

  /** Messages that were dropped because the receive buffer was full, since the socket was made. Wraps at 2^32. */
  drops(): number {
    const length = [this.#memInfo.byteLength];
    getsockopt(this.fd, SOL_SOCKET, SO_MEMINFO, this.#memInfo, length);
    return this.#memInfo[SK_MEMINFO_DROPS] ?? 0;
  }

  /**
   * Send one message whose header says its length.
   * @throws NetlinkError
   */
  send(message: Buffer): void {
    if (send(this.fd, message, message.length, 0) < 0) {
      throw new NetlinkError('send', koffi.errno());
    }
  }

  /** Wait until something is there. @returns false where nothing came in time */
  wait(ms: number): boolean {
    const descriptor = Buffer.alloc(POLLFD.size);
    descriptor.writeInt32LE(this.fd);
    descriptor.writeInt16LE(POLLIN, POLLFD.events);
    return poll(descriptor, 1, Math.ceil(ms)) > 0;
  }

  /**
   * Hand over what the kernel has sent, at most one batch.
   * @throws NetlinkError for errors other than "nothing there" and "overrun"
   */
  receive(sink: MessageSink): Received {
    const count: number = recvmmsg(this.fd, this.#headers, BATCH, 0, null);
    if (count < 0) {
      const errno = koffi.errno();
      if (errno === ENOBUFS) return { count: 0, overrun: true };
      if (errno === EAGAIN || errno === EINTR) return { count: 0, overrun: false };
      throw new NetlinkError('recvmmsg', errno);
    }
    for (let i = 0; i < count; i++) {
      // Whoever has CAP_NET_ADMIN may send us messages, too.
      if (this.#senders.readUInt32LE(i * SOCKADDR_NL.size + SOCKADDR_NL.pid) !== KERNEL) continue;
      const header = i * MMSGHDR.size;
      const start = i * MESSAGE_BYTES;
      const end = start + this.#headers.readUInt32LE(header + MMSGHDR.length);
      const truncated = (this.#headers.readUInt32LE(header + MMSGHDR.flags) & MSG_TRUNC) !== 0;
      sink(this.#bytes, start, end, truncated);
    }
    return { count, overrun: false };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    fs.closeSync(this.fd);
  }
}
