/**
 * bash of other versions than the machine's, and builds without symbols or with libreadline.so: those in
 * build/shells (scripts/build-shells.sh makes them), and bash-static of Debian.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { BASH_CASES } from './bash-cases.ts';
import { CollectorProcess, type Row, until } from './collector-process.ts';
import { BUILD, describeInstalled, describeLive } from './requires.ts';
import { closeShells, ShellSession } from './shell-session.ts';
import { ZSH_CASES, ZSH_ENV } from './zsh-cases.ts';

const SHELLS = path.join(BUILD, 'shells');
const built = (fs.existsSync(SHELLS) ? fs.readdirSync(SHELLS).sort() : []).filter(
  (name) => !name.startsWith('fish'), // test/live/fish.test.ts
);

let collector: CollectorProcess;
const start = async () => {
  collector = await CollectorProcess.start();
};
const end = () => collector.end();
afterEach(closeShells);

const rowsOf = (pid: number, count: number): Promise<Row[]> =>
  collector.rows(`SELECT * FROM shell_history_live WHERE pid = ${pid} ORDER BY eid`, count);

/** Run a program once, so that it is found, and wait until its probes are there or refused. */
async function found(program: string): Promise<Row[]> {
  spawnSync(program, ['--version']);
  const sql = `SELECT * FROM live_audit_probes WHERE target = '${program}' AND state <> 'waiting'`;
  await until(() => collector.query(sql).length > 0);
  return collector.query(sql);
}

if (built.length === 0)
  test.skip('other versions of bash (skipped: none in build/shells)', () => {});
else
  describeLive('bash of other versions', () => {
    beforeAll(start);
    afterAll(end);

    test.each(built)(
      '%s: all typed cases',
      async (name) => {
        const isZsh = name.startsWith('zsh');
        const program = fs.realpathSync(path.join(SHELLS, name, 'bin', isZsh ? 'zsh' : 'bash'));
        const probes = await found(program);
        expect(probes.filter((probe) => probe.state !== 'attached')).toEqual([]);
        const cases = isZsh ? ZSH_CASES : BASH_CASES;
        const shell = isZsh
          ? await ShellSession.open([program, '-f', '-i'], ZSH_ENV)
          : await ShellSession.open([program, '--norc', '--noprofile']);
        const prompted: number[] = [];
        for (const { typed } of cases) prompted.push(await shell.run(...typed));
        const rows = await rowsOf(shell.pid, cases.length);
        expect(rows.map((row) => [row.command, row.exit_code, row.expanded])).toEqual(
          cases.map(({ typed, expanded }, i) => [typed.join('\n'), prompted[i], expanded ?? null]),
        );
      },
      120_000,
    );

    test.each(built.filter((name) => name.startsWith('bash')))(
      '%s without line editing and history',
      async (name) => {
        const program = fs.realpathSync(path.join(SHELLS, name, 'bin/bash'));
        await found(program);
        const shell = await ShellSession.open([program, '--norc', '--noprofile', '--noediting']);
        const typed = [
          ['set +o history'],
          ['PROMPT_COMMAND="true & wait"'],
          ['sleep 0.01 & wait'],
          ['true'],
          ['cat <<EOF >/dev/null; (exit 6)', 'body', 'EOF'],
          ['if true', 'then (exit 5)', 'fi'],
          ['trap "true" USR1; kill -USR1 $$'],
          ['(exit 7)'],
        ];
        const prompted: number[] = [];
        for (const lines of typed) prompted.push(await shell.run(...lines));
        const rows = await rowsOf(shell.pid, typed.length);
        expect(rows.map((row) => [row.command, row.exit_code])).toEqual(
          typed.map((lines, i) => [lines.join('\n'), prompted[i]]),
        );
      },
    );
  });

describeInstalled('bash-static', 'a bash without symbols', () => {
  beforeAll(start);
  afterAll(end);

  test('says in live_audit_probes what is missing and what would help', async () => {
    const probes = await found('/usr/bin/bash-static');
    expect(probes.map((probe) => probe.state)).toEqual(probes.map(() => 'failed'));
    expect(probes[0]?.last_error).toMatch(/no read_command.*(symbols|debug)/);
  });
});
