/** Paths of osquery's sockets: the core's, and `<core's>.<uuid>` for each extension. */
import { LiveAuditError } from '../../native/errors.ts';

/** sockaddr_un.sun_path is 108 bytes with its NUL; `.` and a uuid of up to 9 or 10 digits follow. */
export const MAX_SOCKET_PATH = 97;

/** @throws LiveAuditError SOCKET_PATH */
export function checkSocketPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes === 0) throw new LiveAuditError('SOCKET_PATH', 'the socket path is empty');
  if (path.includes('\0')) throw new LiveAuditError('SOCKET_PATH', 'the socket path has a NUL');
  if (bytes > MAX_SOCKET_PATH) {
    throw new LiveAuditError('SOCKET_PATH', `${path}: ${bytes} bytes`);
  }
}

export const extensionSocketPath = (core: string, uuid: number): string => `${core}.${uuid}`;
