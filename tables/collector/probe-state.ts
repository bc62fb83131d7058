/**
 * The state of the probes, as the collector publishes it for every reader: `probes.json` in the state
 * directory, replaced whole by a rename. Its rows are those of live_audit_probes.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { RowOf } from '../../extension/sdk/spec.ts';
import type { Executable } from '../../native/executables.ts';
import type { spec } from '../live_audit_probes/spec.ts';
import type { ProbeSpec, TargetKind } from './target-kind.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
export type ProbeState = Mutable<RowOf<typeof spec>>;

/** A probe that is not attached yet. */
export function waitingProbe(
  kind: TargetKind,
  executable: Executable,
  spec: ProbeSpec,
): ProbeState {
  return {
    table_name: kind.table,
    target: executable.path,
    build_id: null,
    symbol: spec.symbol,
    hook: spec.retprobe ? 'return' : 'entry',
    offset: null,
    state: 'waiting',
    hits: 0,
    lost: 0,
    last_event_time: null,
    last_error: null,
  };
}

/** A row about the table as a whole: nothing of it is captured. */
export function failedTable(table: string, reason: string): ProbeState {
  return {
    table_name: table,
    target: null,
    build_id: null,
    symbol: null,
    hook: null,
    offset: null,
    state: 'failed',
    hits: 0,
    lost: 0,
    last_event_time: null,
    last_error: reason,
  };
}

/** All probes of a binary fail for one reason. */
export function failTarget(
  probes: readonly { readonly state: ProbeState }[],
  reason: string,
): void {
  for (const { state } of probes) {
    state.state = 'failed';
    state.last_error = reason;
  }
}

/** All probes of a binary come later. */
export function waitForRoom(
  probes: readonly { readonly state: ProbeState }[],
  reason: string,
): void {
  for (const { state } of probes) state.last_error = reason;
}

const FILE = 'probes.json';

/** Write the states where they differ from what was written last. */
export class ProbeStatePublisher {
  readonly #path: string;
  #last = '';

  constructor(stateDir: string) {
    this.#path = path.join(stateDir, FILE);
  }

  publish(states: readonly ProbeState[]): void {
    const text = JSON.stringify(states);
    if (text === this.#last) return;
    fs.writeFileSync(`${this.#path}.new`, text, { mode: 0o600 });
    fs.renameSync(`${this.#path}.new`, this.#path);
    this.#last = text;
  }

  /** Nothing is attached any more. */
  withdraw(): void {
    fs.rmSync(this.#path, { force: true });
    this.#last = '';
  }
}

/** What the collector published; empty where none runs. */
export function readProbeStates(stateDir: string): ProbeState[] {
  try {
    const states: unknown = JSON.parse(fs.readFileSync(path.join(stateDir, FILE), 'utf8'));
    return Array.isArray(states) ? states : [];
  } catch {
    return [];
  }
}
