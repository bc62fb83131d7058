/**
 * What a query costs that wants a few rows of a full ring of a million: by time, by eid, by value, and as a JOIN
 * asks (a call for each outer row). Every call is a connection of its own, as osquery makes them.
 * Exit code 1 where a requirement is missed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Operator } from '../extension/sdk/context.ts';
import type { StringMap } from '../extension/sdk/thrift/index.ts';
import { Manager } from './lib/manager.ts';
import { type Finding, isMissed, table } from './lib/report.ts';
import { cpuTime, memory } from './lib/usage.ts';

const ROWS = 1_000_000;
const CALLS = 1000;
const ROUNDS = 15;
const SECONDS = 5;
const TABLE = 'shell_history_live';
/** As the executable runs (scripts/build-bundle.ts). */
const NODE = [process.execPath, '--max-semi-space-size=1', '--single-threaded-gc'];
const EVENTS = path.join(import.meta.dirname, 'contestants', 'events.ts');
const USED = ['eid', 'time', 'pid', 'uid', 'command', 'exit_code'];

const findings: Finding[] = [];
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'la-push-down-'));
const manager = await Manager.start(directory);
const command = [...NODE, EVENTS, manager.socket, directory, String(ROWS)];
const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'ignore', 'inherit'] });

type Condition = readonly [column: string, op: number, expr: string | number | bigint];

async function ask(colsUsed: readonly string[], ...conditions: Condition[]): Promise<StringMap[]> {
  const constraints = conditions.map(([name, op, expr]) => ({
    name,
    list: [{ op, expr: String(expr) }],
    affinity: 'BIGINT',
  }));
  return [...(await manager.client.generate(TABLE, { constraints, colsUsed }))];
}

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

async function rounds(work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) times.push(await milliseconds(work));
  return times;
}

function found(what: string, times: readonly number[], note: string, bar?: number): void {
  const digits = Math.max(...times) < 20 ? 2 : 0;
  findings.push({
    what,
    rounds: times,
    unit: 'ms',
    digits,
    note,
    ...(bar !== undefined && { bar }),
  });
}

try {
  const begun = Math.floor(Date.now() / 1000);
  await manager.registered;
  await manager.answered();
  const pid = child.pid ?? 0;
  let newest: StringMap = {};
  const first = await milliseconds(async () => {
    newest = (await ask(USED, ['time', Operator.GREATER_OR_EQUAL, begun])).at(-1) ?? {};
  });
  found('first query after the start: the ring is walked once', [first], '');
  const eid = Number(newest.eid);
  const now = Number(newest.time);
  const recent = () => ask(USED, ['time', Operator.GREATER, now - SECONDS]);
  found(`time > now - ${SECONDS}`, await rounds(recent), `${(await recent()).length} rows`, 2);
  const one = () => ask(USED, ['eid', Operator.EQUALS, eid - ROWS / 2]);
  found('eid = N', await rounds(one), `${(await one()).length} row`);
  const before = memory(pid).anonymous;
  const byPid = (row: number) => ask(USED, ['pid', Operator.EQUALS, Number(newest.pid) - row]);
  found('first query by pid: the index is made', [await milliseconds(() => byPid(0))], '');
  const index = (memory(pid).anonymous - before) / 2 ** 20;
  const note = `${(await byPid(1)).length} rows; the index has ${index.toFixed(0)} MiB`;
  found('pid = N', await rounds(() => byPid(7)), note);
  const join = async (call: (i: number) => Promise<unknown>) => {
    for (let i = 0; i < CALLS; i++) await call(i);
  };
  const joins = async (what: string, call: (i: number) => Promise<readonly unknown[]>) => {
    const each = (await call(1)).length;
    const cpu = cpuTime(pid);
    const times = await rounds(() => join(call));
    const ours = Number(cpuTime(pid) - cpu) / 1e6 / ROUNDS;
    const note = `${each} rows each; ${ours.toFixed(0)} ms of CPU in the extension`;
    found(`JOIN: ${CALLS} calls by ${what}`, times, note, 300);
  };
  await joins('pid', (i) => byPid(i * 100));
  await joins('uid', (i) => ask(USED, ['uid', Operator.EQUALS, i]));
  await joins('eid', (i) => ask(USED, ['eid', Operator.EQUALS, eid - i * 100]));
  const pings = () => join(() => manager.client.ping());
  found(`${CALLS} pings, for comparison`, await rounds(pings), '');
} finally {
  child.kill();
  await once(child, 'exit');
  manager.close();
  fs.rmSync(directory, { recursive: true });
}
process.stdout.write(table(findings));
process.exitCode = findings.some(isMissed) ? 1 : 0;
