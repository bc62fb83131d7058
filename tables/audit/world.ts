import type { Redactor } from '../redact/redactor.ts';

/** What the makers of rows must be told of the world. */
export interface AuditWorld {
  /** Longest text to store, bytes. */
  readonly maxText: number;
  /** Takes secrets out of command lines; absent: it is switched off. */
  readonly redactor?: Redactor | undefined;
  /** Unix time of the boot, s; null for events from a file. */
  readonly bootTime: number | null;
  /** The container that a process runs in, if that can be known. */
  container(pid: number): string | null;
}

/** Of events from a file, whose processes are gone. */
export const pastWorld = (maxText: number, redactor?: Redactor): AuditWorld => ({
  maxText,
  redactor,
  bootTime: null,
  container: () => null,
});
