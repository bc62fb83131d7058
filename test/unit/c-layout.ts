/** The C side of a layout, for tests that hold the reader's constants against it: clang evaluates the headers. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const BPF = join(__dirname, '../../bpf');

export const noClang = spawnSync('clang', ['--version']).error !== undefined;
export const withClang = (name: string, body: () => void): void =>
  noClang ? test.skip(`${name} (skipped: no clang)`, body) : test(name, body);

/** The text of headers, without comments. */
export const codeOf = (...headers: readonly string[]): string =>
  headers
    .map((header) => readFileSync(join(BPF, header), 'utf8'))
    .join('')
    .replaceAll(/\/\*[\s\S]*?\*\//g, '');

/** What stands between the braces of a declaration. */
export const bodyOf = (code: string, kind: 'struct' | 'enum', name: string): string =>
  new RegExp(`${kind} ${name} \\{([^}]*)\\}`).exec(code)?.[1] ?? '';

/** The names of an enum's values. */
export const enumeratorsOf = (code: string, name: string): string[] =>
  [...bodyOf(code, 'enum', name).matchAll(/(\w+) = /g)].map((match) => match[1] ?? '');

/** Assertions that members lie where the reader looks for them. */
export const offsets = (struct: string, layout: Readonly<Record<string, number>>): string[] =>
  Object.entries(layout).map(
    ([member, offset]) => `__builtin_offsetof(struct ${struct}, ${member}) == ${offset}`,
  );

/** Compile assertions against a header. @returns what clang says; '' where all of them hold */
export function checkC(header: string, assertions: readonly string[]): string {
  const source = ['#include "vmlinux.h"', `#include "${header}"`];
  for (const assertion of assertions) source.push(`_Static_assert(${assertion}, "");`);
  const flags = ['-target', 'bpf', '-D__TARGET_ARCH_x86', '-fsyntax-only', '-Wall', '-x', 'c'];
  const { status, stderr } = spawnSync('clang', [...flags, '-I', BPF, '-'], {
    input: `${source.join('\n')}\n`,
    encoding: 'utf8',
  });
  return status === 0 ? '' : stderr || `clang ended with ${status}`;
}
