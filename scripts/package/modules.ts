/** Node and koffi's addon for a processor that is not this machine's, by the versions and hashes of the lock. */
import fs from 'node:fs';
import path from 'node:path';
import { run, type Target } from './target.ts';

/** `npm run` puts node_modules/.bin first, whose node is not the one that the machine's npm works with. */
const pathOfMachine = (): string =>
  (process.env.PATH ?? '')
    .split(':')
    .filter((dir) => !dir.endsWith('/node_modules/.bin'))
    .join(':');

export function fetchModules(target: Target): void {
  if (target.arch === process.arch) return;
  const stamp = path.join(target.dir, '.modules');
  const lock = fs.readFileSync('package-lock.json', 'utf8');
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === lock) return;
  for (const file of ['package.json', 'package-lock.json', '.npmrc'])
    fs.copyFileSync(file, path.join(target.dir, file));
  run(
    'npm',
    [
      ...['install', '--no-save', '--ignore-scripts', '--no-progress', '--loglevel=error'],
      ...['--omit=dev', '--os=linux', `--cpu=${target.arch}`, '--libc=glibc'],
    ],
    { cwd: target.dir, env: { PATH: pathOfMachine() } },
  );
  if (!fs.existsSync(target.node)) throw new Error(`npm left no ${target.node}`);
  fs.writeFileSync(stamp, lock);
}
