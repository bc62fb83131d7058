/**
 * Capture under load, against its requirements. As root, with nothing else going on:
 * `node bench/load.ts [--rate 100000] [--seconds 60] [--rounds 3] [--kills 100] [--soak-minutes 60] [PART…]`,
 * where PART is kills, rate, replay, tables or soak; without one all but the soak are run. Exit code 1 where a requirement is missed.
 */
import { parseArgs } from 'node:util';
import { kills, rate, soak } from './lib/load-parts.ts';
import { replay } from './lib/replay.ts';
import { type Parts, reportParts } from './lib/report.ts';
import { idleTables } from './lib/tables.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rate: { type: 'string', default: '100000' },
    seconds: { type: 'string', default: '60' },
    rounds: { type: 'string', default: '3' },
    kills: { type: 'string', default: '100' },
    'soak-minutes': { type: 'string', default: '60' },
  },
});

function positive(name: keyof typeof values): number {
  const value = Number(values[name]);
  if (!(value > 0)) throw new Error(`--${name} ${values[name]} is no number above 0`);
  return value;
}

const PARTS: Parts = {
  kills: () => kills(positive('kills')),
  rate: () => rate(positive('rate'), positive('seconds'), positive('rounds')),
  replay,
  tables: idleTables,
  soak: () => soak(positive('soak-minutes')),
};

if (process.geteuid?.() !== 0) throw new Error('the benchmark needs root: it loads BPF programs');
await reportParts(
  PARTS,
  positionals.length > 0 ? positionals : Object.keys(PARTS).filter((part) => part !== 'soak'),
);
