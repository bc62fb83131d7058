/** What the demo types, into a real bash on a pseudo-terminal. */
import { Pty } from '../native/pty.ts';

/** Lines with the exit codes that they end in: success, failure, a list, a loop, a function, a subshell. */
const LINES = [
  'cd /usr/share',
  'ls doc > /dev/null; false',
  'for i in 1 2 3; do test $i -lt 3; done',
  'deploy() { return 7; }; deploy',
  '(exit 42)',
  'echo "Grüße aus $(uname -s)"',
  '!!',
  'no-such-command',
  'exit 3',
];

const PROMPT = 'demo$ ';

/** @returns the pid of the shell, and what its terminal showed */
export async function typeDemo(): Promise<{ pid: number; screen: string }> {
  const pty = new Pty(['bash', '--norc', '--noprofile'], {
    env: { PS1: PROMPT, TERM: 'dumb', LC_ALL: 'C.UTF-8', HISTFILE: '/dev/null' },
    cwd: '/',
  });
  let from = 0;
  for (const line of LINES) {
    await pty.expect(/demo\$ $/, from);
    from = pty.output.length;
    await pty.type(`${line}\r`);
  }
  await pty.exited;
  await new Promise((resolve) => setTimeout(resolve, 50)); // its last output
  pty.close();
  return { pid: pty.pid, screen: pty.output.replaceAll('\r', '') };
}
