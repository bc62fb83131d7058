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
import { text } from 'node:stream/consumers';
import { Operator } from '../extension/sdk/context.ts';
import type { Question } from '../extension/sdk/testing/extension-client.ts';
import { spec } from '../tables/shell_history_live/spec.ts';
import { Manager } from './lib/manager.ts';
import { type Finding, isMissed, table } from './lib/report.ts';
import { cpuTime, memory } from './lib/usage.ts';

const ROWS = 1_000_000;
const CALLS = 1000;
const ROUNDS = 15;
const SECONDS = 5;
const TABLE = spec.name;
/** As the executable runs (scripts/build-bundle.ts). */
const NODE = [process.execPath, '--max-semi-space-size=1', '--single-threaded-gc'];
const PYTHON = path.resolve(import.meta.dirname, '../build/python/bin/python');
const CALLER = path.join(import.meta.dirname, 'contestants', 'calls.py');
const EVENTS = path.join(import.meta.dirname, 'contestants', 'events.ts');
/** Between the values that are asked for, so that they lie all over the ring. */
const SPREAD = 97;
const USED = ['eid', 'time', 'pid', 'uid', 'command', 'exit_code'];

const findings: Finding[] = [];
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'la-push-down-'));
const manager = await Manager.start(directory);
const command = [...NODE, EVENTS, manager.socket, directory, String(ROWS)];
const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'ignore', 'inherit'] });

type Condition = readonly [column: string, op: number, expr: string | number | bigint];

const questionOf = ([column, op, expr]: Condition): Question => ({
  columns: USED,
  constraints: [{ column, op, expr: String(expr) }],
});

/** As osquery writes it: each column of the table is there, mostly without a constraint. */
function coreContext({ columns = [], constraints = [] }: Question): string {
  const listOf = (name: string) =>
    constraints.filter(({ column }) => column === name).map(({ op, expr }) => ({ op, expr }));
  const used = spec.columns.map(({ name }, i) => (columns.includes(name) ? 2 ** i : 0));
  return JSON.stringify({
    constraints: spec.columns.map(({ name, type }) => ({
      name,
      list: listOf(name),
      affinity: type,
    })),
    colsUsed: columns,
    colsUsedBitset: used.reduce((all, bit) => all + bit, 0),
  });
}

const ask = (condition: Condition) => manager.client.generate(TABLE, questionOf(condition));

/** All calls together, ms, by a client that costs little. */
async function calls(questions: readonly Question[]): Promise<number> {
  const client = spawn(PYTHON, [CALLER, manager.client.path, TABLE], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  client.stdin.end(questions.map((question) => `${coreContext(question)}\n`).join(''));
  const { seconds } = JSON.parse(await text(client.stdout)) as { seconds: number };
  return seconds * 1000;
}

async function rounds(question: (i: number) => Question, count: number): Promise<number[]> {
  const questions = Array.from({ length: count }, (_, i) => question(i));
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) times.push(await calls(questions));
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
  const asked = performance.now();
  const newest = (await ask(['time', Operator.GREATER_OR_EQUAL, begun])).at(-1) ?? {};
  found('first query after the start: the ring is walked once', [performance.now() - asked], '');
  const eid = Number(newest.eid);
  const byTime = ['time', Operator.GREATER, Number(newest.time) - SECONDS] as const;
  const byEid = (i: number) => questionOf(['eid', Operator.EQUALS, eid - i * SPREAD]);
  const byPid = (i: number) =>
    questionOf(['pid', Operator.EQUALS, Number(newest.pid) - i * SPREAD]);
  const byUid = (i: number) => questionOf(['uid', Operator.EQUALS, i * SPREAD]);

  // A daemon is warm: a client asks some times before it is measured.
  await calls(Array.from({ length: CALLS }, (_, i) => byEid(i)));
  const recent = await rounds(() => questionOf(byTime), 1);
  found(`time > now - ${SECONDS}`, recent, `${(await ask(byTime)).length} rows`, 2);
  found('eid = N', await rounds(byEid, 1), '1 row');
  const before = memory(pid).anonymous;
  const made = await calls([byPid(0)]);
  const mib = ((memory(pid).anonymous - before) / 2 ** 20).toFixed(0);
  found('first query by pid: the index is made', [made], `it has ${mib} MiB`);
  await calls([byUid(0)]);
  for (const [column, question] of Object.entries({ pid: byPid, uid: byUid, eid: byEid })) {
    const cpu = cpuTime(pid);
    const times = await rounds(question, CALLS);
    const ours = (Number(cpuTime(pid) - cpu) / 1e6 / ROUNDS).toFixed(0);
    const answer = await manager.client.generate(TABLE, question(1));
    const note = `${answer.length} rows each; ${ours} ms of CPU in the extension`;
    found(`JOIN: ${CALLS} calls by ${column}`, times, note, 300);
  }
} finally {
  manager.endPings(false);
  child.kill();
  await once(child, 'exit');
  await manager.close();
  fs.rmSync(directory, { recursive: true });
}
process.stdout.write(table(findings));
process.exitCode = findings.some(isMissed) ? 1 : 0;
