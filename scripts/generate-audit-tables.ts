/**
 * Writes tables/audit/gen/: names of system calls by machine, and names of audit record types.
 * Not part of `npm run generate`, as its sources are not on every machine; test/unit/audit-tables.test.ts
 * compares what is committed with the headers of the machine. To write them anew:
 *
 *   python3 -m pip download --no-deps system-calls==7.2 && unzip system_calls-7.2-*.whl -d DIR
 *   apt-get install linux-libc-dev libaudit-dev
 *   node scripts/generate-audit-tables.ts DIR/system_calls/tables
 */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const GEN = path.join(path.dirname(fileURLToPath(import.meta.url)), '../tables/audit/gen');
const NOTE = '// Written by scripts/generate-audit-tables.ts: do not edit.\n';

/** A file of the package system-calls, by our name of the machine. */
const MACHINES = { x86_64: 'x86_64', x32: 'x32', i386: 'i386', aarch64: 'arm64', arm: 'arm' };

/** Set in the numbers of x32. */
const X32_BIT = 0x4000_0000;

/** `name name @17 name`: in the order of their numbers, `@N` where one is left out. */
function encode(names: ReadonlyMap<number, string>): string {
  let next = 0;
  const words: string[] = [];
  for (const [number, name] of [...names].sort(([a], [b]) => a - b)) {
    if (number !== next) words.push(`@${number}`);
    words.push(name);
    next = number + 1;
  }
  return words.join(' ');
}

function wrapped(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line === undefined || line.length + word.length > 88) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines.map((line, i) => `    '${line}${i + 1 < lines.length ? ' ' : ''}'`).join(' +\n');
}

/** Has the numbers of calls that are gone from newer kernels too, which the package leaves out. */
const HEADERS: Readonly<Record<string, string>> = {
  x86_64: '/usr/include/x86_64-linux-gnu/asm/unistd_64.h',
  i386: '/usr/include/x86_64-linux-gnu/asm/unistd_32.h',
};

function syscalls(directory: string, machine: string, file: string): Map<number, string> {
  const text = fs.readFileSync(path.join(directory, `${file}.py`), 'utf8');
  const header = HEADERS[machine] === undefined ? '' : fs.readFileSync(HEADERS[machine], 'utf8');
  const found = [
    ...header.matchAll(/^#define __NR_(\w+) (\d+)$/gm),
    ...text.matchAll(/^ {4}"(\w+)": (\d+),$/gm),
  ];
  return new Map(found.map(([, name = '', number]) => [Number(number) & ~X32_BIT, name]));
}

/** Marks of a range, and what is no type of a record. */
const NO_TYPE = /^(FIRST|LAST)_|_(FIRST|LAST)_|_MSG$/;

/** Those that the headers of Debian 12 do not have: linux/audit.h of Linux 6.18. */
const NEWER: Readonly<Record<string, number>> = {
  URINGOP: 1336,
  OPENAT2: 1337,
  DM_CTRL: 1338,
  DM_EVENT: 1339,
  IPE_ACCESS: 1420,
  IPE_CONFIG_CHANGE: 1421,
  IPE_POLICY_LOAD: 1422,
  LANDLOCK_ACCESS: 1423,
  LANDLOCK_DOMAIN: 1424,
  MAC_TASK_CONTEXTS: 1425,
  MAC_OBJ_CONTEXTS: 1426,
  INTEGRITY_USERSPACE: 1808,
};

/** The record types are the definitions up to the first that is something else. */
function recordTypes(header: string, end: RegExp): [number, string][] {
  const text = fs.readFileSync(header, 'utf8');
  const types = text.slice(0, text.search(end));
  const found = [...types.matchAll(/^\s*#define\s+AUDIT_(\w+)\s+(\d{4})\b/gm)];
  return found
    .map(([, name = '', number]): [number, string] => [Number(number), name])
    .filter(([, name]) => !NO_TYPE.test(name));
}

const [directory] = process.argv.slice(2);
if (directory === undefined)
  throw new Error('give the folder `tables` of the package system-calls');

const machines = Object.entries(MACHINES).map(
  ([machine, file]) => `  ${machine}:\n${wrapped(encode(syscalls(directory, machine, file)))},\n`,
);
fs.writeFileSync(
  path.join(GEN, 'syscall-names.ts'),
  `${NOTE}\n/** In the order of their numbers; \`@N\` where one is left out. From the package system-calls 7.2 and asm/unistd.h. */\nexport const SYSCALL_NAMES = {\n${machines.join('')}} as const;\n`,
);

const types = new Map([
  ...recordTypes('/usr/include/libaudit.h', /AUDIT_KEY_SEPARATOR/),
  ...recordTypes('/usr/include/linux/audit.h', /AUDIT_FILTER_USER/),
  ...Object.entries(NEWER).map(([name, number]): [number, string] => [number, name]),
]);
fs.writeFileSync(
  path.join(GEN, 'record-types.ts'),
  `${NOTE}\n/** In the order of their numbers; \`@N\` where one is left out. From linux/audit.h and libaudit.h. */\nexport const RECORD_TYPES =\n${wrapped(encode(types))};\n`,
);
