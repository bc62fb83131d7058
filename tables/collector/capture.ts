/** What a table that is filled by BPF gives to the collector; tables/<name>/capture.ts says it. */
import type { TableSpec } from '../../extension/sdk/spec.ts';
import type { DerivedColumn } from '../derived.ts';
import type { Event } from '../event.ts';
import type { Dialect, Redactor } from '../redact/redactor.ts';
import type { TargetKind } from './target-kind.ts';

/** What an assembler must be told of the world. */
export interface World {
  /** The program and binary behind a record's target number; `file` is how to open it, if it still is. */
  target(
    id: number,
  ): { readonly program: string; readonly path: string; readonly file?: string } | undefined;
  /** What to add to CLOCK_BOOTTIME to get Unix time, ns. */
  readonly bootToUnix: bigint;
  /** Longest text to store, bytes. */
  readonly maxText: number;
  /** Longest JSON of bound parameters, bytes; 0 or absent: they are not captured. */
  readonly parameterBytes?: number;
  /** Takes secrets out of texts before they are stored, or saved; absent: it is switched off. */
  readonly redactor?: Redactor | undefined;
}

/** What the config says of one table, beyond sizes. */
export interface CaptureSettings {
  /** Maps of one element in which the BPF side finds it: name to that element. */
  readonly maps: Readonly<Record<string, Uint8Array>>;
  /** The same as it is now, where it changes with the machine: asked every few seconds. */
  readonly current?: () => Readonly<Record<string, Uint8Array>>;
  /** Probes with these options are attached. */
  readonly options: readonly string[];
}

export interface Assembler {
  /**
   * Take one record of the kernel's ring buffer. Its memory is valid until `detach`, or without one only
   * during the call.
   * @returns the event that it completes (valid until the next call), null, or 'unreadable' where it makes
   *   no sense
   */
  accept(view: DataView, offset: number, length: number): Event | null | 'unreadable';
  /** The memory of the records so far is given back now: copy what is still needed of it. */
  detach?(): void;
  /** Whether any event is not complete. */
  readonly isOpen: boolean;
  /** Processes with an event that is not complete. */
  readonly openPids: Iterable<number>;
  /** What is not complete, as structured data. */
  save(): unknown;
  /** Go on with what an assembler of the same version saved; what makes no sense is left out. */
  restore(state: unknown): void;
  /** Give up waiting for the rest of a process's event; what it returns is valid until the next call. */
  abandon(tgid: number): Event | null;
}

export interface Capture {
  readonly spec: TableSpec;
  /** Columns that are computed when they are asked for; its events have NULL there. */
  readonly derived?: readonly DerivedColumn[];
  /** What its texts are written in, for their secrets. */
  readonly dialect: Dialect;
  /** File name of the BPF object. */
  readonly object: string;
  readonly kinds: readonly TargetKind[];
  /** Programs that attach by their own section: tracepoints. */
  readonly tracepoints: readonly string[];
  /** Its probes with the option `parameters` show what was bound to a statement. */
  readonly hasParameters?: true;
  /**
   * A pinned hash map whose values are records that were sent before: a collector that begins
   * gives them to its assembler, for what it must know of processes that it did not see begin.
   */
  readonly remembered?: { readonly map: string; readonly valueSize: number };
  assembler(world: World): Assembler;
}
