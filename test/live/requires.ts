/** Live tests need root, BPF and the built objects; without them they are skipped, and say why. */
import fs from 'node:fs';
import path from 'node:path';

export const BUILD = path.resolve(__dirname, '../../build');
export const EXECUTABLE = path.join(BUILD, 'live_audit.ext');

const reason: string | null =
  process.geteuid?.() !== 0
    ? 'needs root'
    : !fs.existsSync('/sys/kernel/btf/vmlinux')
      ? 'needs a kernel with BTF'
      : !fs.existsSync('/sys/bus/event_source/devices/uprobe')
        ? 'needs a kernel with uprobes'
        : !fs.existsSync(path.join(BUILD, 'bpf/shell.bpf.o'))
          ? 'needs the BPF objects (clang)'
          : null;

/** `describe`, or skipped with the reason in its name. */
export function describeLive(name: string, body: () => void): void {
  if (reason === null) describe(name, body);
  else describe.skip(`${name} (skipped: ${reason})`, body);
}

/** The same for tests of a program that is not on every machine. */
export function describeInstalled(program: string, name: string, body: () => void): void {
  const found = (process.env.PATH ?? '')
    .split(':')
    .some((dir) => fs.existsSync(`${dir}/${program}`));
  if (found) describeLive(name, body);
  else describe.skip(`${name} (skipped: ${program} is not installed)`, body);
}
