/** The committed names of system calls and record types, against the headers of this machine: those may be older. */
import fs from 'node:fs';
import {
  AUDIT_ARCH,
  recordTypeName,
  recordTypeNumber,
  syscallName,
  syscallNames,
  syscallNumber,
} from '../../tables/audit/names.ts';

const read = (...files: string[]): string =>
  files
    .filter((file) => fs.existsSync(file))
    .map((file) => fs.readFileSync(file, 'utf8'))
    .join('');

const X86 = '/usr/include/x86_64-linux-gnu/asm';
const HEADERS = [
  ['x86_64', AUDIT_ARCH.x86_64, read(`${X86}/unistd_64.h`)],
  ['i386', AUDIT_ARCH.i386, read(`${X86}/unistd_32.h`)],
] as const;

describe('system calls', () => {
  for (const [machine, arch, text] of HEADERS) {
    const found = [...text.matchAll(/^#define __NR_(\w+) (\d+)$/gm)];
    const run = found.length > 0 ? test : test.skip;
    run(
      `${machine}: all of the machine’s asm/unistd.h${found.length > 0 ? '' : ' (skipped: no such header)'}`,
      () => {
        expect(found.length).toBeGreaterThan(300);
        expect(found.map(([, , number]) => syscallName(arch, Number(number)))).toEqual(
          found.map(([, name]) => name),
        );
      },
    );
  }

  const generic = read('/usr/include/asm-generic/unistd.h');
  const run = generic === '' ? test.skip : test;
  run(
    `aarch64: those of asm-generic/unistd.h${generic === '' ? ' (skipped: no such header)' : ''}`,
    () => {
      const found = [...generic.matchAll(/^#define __NR_(\w+) (\d+)$/gm)].filter(
        ([, name]) => !/^(arch_specific_syscall|syscalls|riscv_)/.test(name ?? ''),
      );
      const known = new Set(syscallNames('aarch64'));
      const wrong = found.filter(
        ([, name = '', number]) =>
          known.has(name) && syscallNumber('aarch64', name) !== Number(number),
      );
      expect(wrong).toEqual([]);
      expect(found.filter(([, name = '']) => known.has(name)).length).toBeGreaterThan(250);
    },
  );

  test.each([
    [AUDIT_ARCH.x86_64, 59, 'execve'],
    [AUDIT_ARCH.i386, 11, 'execve'],
    [AUDIT_ARCH.aarch64, 221, 'execve'],
    [AUDIT_ARCH.arm, 11, 'execve'],
    [AUDIT_ARCH.x86_64, 0x4000_0000 + 520, 'execve'], // x32
    [AUDIT_ARCH.x86_64, 452, 'fchmodat2'],
    [AUDIT_ARCH.x86_64, 99_999, null],
    [0x8000_0016, 59, null], // s390x: not known here
  ])('arch %i, number %i is %s', (arch, number, name) => {
    expect(syscallName(arch, number)).toBe(name);
  });
});

describe('record types', () => {
  const headers = read('/usr/include/linux/audit.h');
  const run = headers === '' ? test.skip : test;
  run(`all of linux/audit.h${headers === '' ? ' (skipped: no such header)' : ''}`, () => {
    const types = headers.slice(0, headers.indexOf('AUDIT_FILTER_USER'));
    const found = [...types.matchAll(/^#define\s+AUDIT_(\w+)\s+(\d{4})\b/gm)].filter(
      ([, name = '']) => !/FIRST|LAST/.test(name),
    );
    expect(found.length).toBeGreaterThan(80);
    expect(found.map(([, , number]) => recordTypeName(Number(number)))).toEqual(
      found.map(([, name]) => name),
    );
  });

  test('by name and by number, known or not', () => {
    expect(recordTypeNumber('SYSCALL')).toBe(1300);
    expect(recordTypeNumber('USER_LOGIN')).toBe(1112);
    expect(recordTypeNumber('ANOM_LOGIN_FAILURES')).toBe(2100);
    expect(recordTypeName(1999)).toBe('UNKNOWN[1999]');
    expect(recordTypeNumber('UNKNOWN[1999]')).toBe(1999);
    expect(recordTypeNumber('toString')).toBeNull();
    expect(recordTypeNumber('UNKNOWN[x]')).toBeNull();
  });
});
