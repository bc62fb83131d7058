import type { Table } from '../../extension/sdk/context.ts';
import { type ProbeState, readProbeStates } from '../collector/probe-state.ts';
import { pick } from '../rows.ts';
import { spec } from './spec.ts';

/** @param failures what keeps this process from collecting, shown where nobody collects */
export function probesTable(stateDir: string, failures: () => ProbeState[]): Table {
  return {
    spec,
    *generate(context) {
      const published = readProbeStates(stateDir);
      for (const state of published.length > 0 ? published : failures()) yield pick(context, state);
    },
  };
}
