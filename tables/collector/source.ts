/** What fills several tables at once and is no BPF object: the kernel's audit. */
import type { TableSpec } from '../../extension/sdk/spec.ts';
import type { Redaction } from '../redact/guarded.ts';
import type { RingWriter } from '../ring/writer.ts';
import type { ProbeState } from './probe-state.ts';

export interface SourceOptions {
  readonly stateDir: string;
  /** The ring file of each table that is switched on, by table; the session writes, and does not close them. */
  readonly writers: ReadonlyMap<string, RingWriter>;
  readonly maxText: number;
  /** null: texts are stored with their secrets. */
  readonly redaction: Redaction | null;
  readonly log: (line: string) => void;
}

/** A source that is running. It stores by itself; the collector looks after it. */
export interface SourceSession {
  /** Once a second: the ledger, and what has waited too long. */
  tick(): void;
  probeStates(): ProbeState[];
  /** Store what is there, and stop. */
  close(): void;
}

export interface Source {
  readonly specs: readonly TableSpec[];
  /** @throws LiveAuditError where nothing can be captured at all */
  start(options: SourceOptions): SourceSession;
}
