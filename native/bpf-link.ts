/** An attached BPF program: a descriptor that keeps it attached, as a pin does. */
import fs from 'node:fs';
import { failure, forgetLog, libbpf } from './libbpf-binding.ts';

export class BpfLink {
  #fd: number;

  /** @param fd owned from now on */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** A link that was pinned. @throws LiveAuditError */
  static open(path: string): BpfLink {
    forgetLog();
    const fd = libbpf().getPinned(path);
    if (fd < 0) throw failure(`cannot open the pin ${path}`);
    return new BpfLink(fd);
  }

  /**
   * Let it outlive this process: it stays attached for as long as the file is there.
   * @throws LiveAuditError
   */
  pin(path: string): void {
    if (libbpf().pin(this.#fd, path) !== 0) throw failure(`cannot pin ${path}`);
  }

  /** Detach, unless a pin keeps it. */
  close(): void {
    if (this.#fd >= 0) fs.closeSync(this.#fd);
    this.#fd = -1;
  }
}
