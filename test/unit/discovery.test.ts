/** What is a target and what is not, and the reports of the exec hook. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Executable } from '../../native/executables.ts';
import { Discovery } from '../../tables/collector/discovery.ts';
import {
  decodeProgramReport,
  PROGRAM_KEY_SIZE,
  PROGRAM_PATH,
  ProgramKey,
  ProgramRecord,
} from '../../tables/collector/discovery-hook.ts';
import { kindOf, recognise } from '../../tables/collector/discovery-recognise.ts';
import type { TargetKind } from '../../tables/collector/target-kind.ts';
import { bash } from '../../tables/shell_history_live/targets.ts';
import { buildElf, CODE_VADDR } from '../fixtures/elf/build.ts';

const directory = fs.mkdtempSync(path.join(tmpdir(), 'discovery-unit-'));
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

function file(name: string, content: string | Buffer): string {
  const target = path.join(directory, name);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.writeFileSync(target, content);
  return target;
}

const symbol = (name: string) => ({ name, vaddr: CODE_VADDR, size: 8 });
const code = Buffer.alloc(256, 0x90);
/** Only two markers, so that a file with one of them is a case of its own. */
const kind: TargetKind = { ...bash, markers: ['first_marker', 'last'], paths: [] };
const other: TargetKind = {
  ...kind,
  program: 'other',
  markers: ['elsewhere'],
  fileName: /^other$/,
};
const whole = buildElf({ code, dynsym: kind.markers.map(symbol) });

describe('recognition', () => {
  test.each([
    ['in .dynsym', buildElf({ code, dynsym: kind.markers.map(symbol) })],
    ['in .symtab', buildElf({ code, symtab: kind.markers.map(symbol) })],
  ])('the markers %s, whatever the name', (_where, bytes) => {
    expect(recognise(file('anything', bytes), [other, kind])).toBe(kind);
  });

  test.each([
    ['one marker of two', buildElf({ code, dynsym: [symbol('last')] })],
    [
      'longer names that end in them',
      buildElf({ code, dynsym: [symbol('a_last'), symbol('my_first_marker')] }),
    ],
    [
      'longer names that begin with them',
      buildElf({ code, dynsym: [symbol('last_'), symbol('first_marker2')] }),
    ],
    [
      'imports of them',
      buildElf({ code, dynsym: kind.markers.map((name) => ({ name, vaddr: 0, undefined: true })) }),
    ],
    ['a text that has them', Buffer.from('#!/bin/sh\nfirst_marker\0last\0')],
    ['nothing', Buffer.alloc(0)],
    ['half a file', whole.subarray(0, whole.length / 2)],
  ])('is not: %s', (_what, bytes) => {
    expect(recognise(file('anything', bytes), [kind])).toBeNull();
  });

  test('a marker that lies across two chunks of the names', () => {
    const MIB = 1024 * 1024;
    for (const shift of [2, 5]) {
      const filler = 'x'.repeat(MIB - shift - 2);
      const bytes = buildElf({ code, dynsym: [filler, ...kind.markers].map(symbol) });
      expect(recognise(file('long', bytes), [kind])).toBe(kind);
    }
  });

  test('bash is one, and no other program of this machine that is called otherwise', () => {
    expect(recognise('/bin/bash', [bash])).toBe(bash);
    for (const none of ['/bin/ls', process.execPath, '/bin/sh'])
      if (fs.realpathSync(none) !== fs.realpathSync('/bin/bash'))
        expect(recognise(none, [bash])).toBeNull();
  });
});

describe('by its name', () => {
  const named = (at: string) => kindOf({ path: at, name: at }, [kind]);

  test('an ELF file without the symbols is a failure to show; a script is none', () => {
    expect(named(file('elf/bash', buildElf({ code, dynsym: [symbol('main')] })))).toBe(kind);
    expect(named(file('broken/bash', whole.subarray(0, 80)))).toBe(kind);
    expect(named(file('script/bash', '#!/bin/sh\n'))).toBeNull();
    expect(named(file('elf/dash', buildElf({ code, dynsym: [symbol('main')] })))).toBeNull();
  });

  test('one that cannot be opened is shown too', () => {
    expect(named(path.join(directory, 'missing/bash'))).toBe(kind);
  });

  test.each(['bash', 'rbash', 'bash5.2', 'bash-static', 'bash.real'])('%s is named so', (name) => {
    expect(bash.fileName.test(name)).toBe(true);
  });
  test.each(['bashtop', 'notbash', 'bashbug', 'dash'])('%s is not', (name) => {
    expect(bash.fileName.test(name)).toBe(false);
  });
});

/** The bash that runs on this machine is no target of these tests. */
const unnamed: TargetKind = { ...kind, fileName: /^no file is named so$/ };

describe('discovery without privilege', () => {
  let found: { kind: TargetKind; executable: Executable }[];
  let gone: Executable[];
  let discovery: Discovery;
  const start = (
    kinds: readonly TargetKind[],
    paths: readonly { kind: TargetKind; path: string }[] = [],
  ) => {
    found = [];
    gone = [];
    discovery = new Discovery({
      assetsDir: path.join(directory, 'none'),
      kinds,
      paths,
      log: () => {},
      onFound: (kind, executable) => found.push({ kind, executable }),
      onGone: (executable) => gone.push(executable),
    });
    discovery.scan();
  };
  afterEach(() => discovery.close());
  const names = () => found.map(({ executable }) => path.relative(directory, executable.name));

  test('an installed file is found once, through links too, and again when it is replaced', () => {
    const installed = file('usr/shell', whole);
    const link = path.join(directory, 'usr/link');
    fs.symlinkSync(installed, link);
    start([{ ...unnamed, paths: [link, installed, path.join(directory, 'usr/none')] }]);
    discovery.scan();
    expect(names()).toEqual(['usr/shell']);

    fs.renameSync(file('usr/new', whole), installed);
    discovery.scan();
    expect(names()).toEqual(['usr/shell', 'usr/shell']);
    expect(gone).toEqual([]);
    const [first, second] = found.map(({ executable }) => executable);
    expect(first?.inode).not.toBe(second?.inode);
    expect(discovery.unused(found.map(({ executable }) => executable))).toEqual([first]);
    expect(second && discovery.currentPath(second)).toBe(installed);
    expect(first && discovery.currentPath(first)).toBeNull();
  });

  test('overwritten in place: gone before it is found anew, and gone for good as no target', () => {
    const installed = file('place/shell', whole);
    start([{ ...unnamed, paths: [installed] }]);
    fs.writeFileSync(installed, Buffer.concat([whole, Buffer.alloc(1)]));
    discovery.scan();
    expect(gone).toHaveLength(1);
    expect(found).toHaveLength(2);
    fs.writeFileSync(installed, 'nothing');
    discovery.scan();
    expect(gone).toHaveLength(2);
    expect(found).toHaveLength(2);
  });

  test('a path of the config is a target of its kind though it lacks the symbols', () => {
    const configured = file('opt/strange', buildElf({ code, dynsym: [symbol('main')] }));
    start([{ ...unnamed, paths: [configured] }]);
    expect(found).toEqual([]);
    discovery.close();
    start([unnamed], [{ kind: unnamed, path: configured }]);
    discovery.scan();
    expect(names()).toEqual(['opt/strange']);
  });

  test('a target that it never saw is unused', () => {
    start([unnamed]);
    const stranger = { path: '/proc/1/exe', name: '/nowhere', inode: '1:2' };
    expect(discovery.unused([stranger])).toEqual([stranger]);
    expect(discovery.currentPath(stranger)).toBeNull();
  });
});

describe('a report of the exec hook', () => {
  const record = (): DataView => {
    const view = new DataView(new ArrayBuffer(ProgramRecord.path + PROGRAM_PATH + 8), 8);
    view.setBigUint64(ProgramKey.ino, 2n ** 40n + 7n, true);
    view.setBigUint64(ProgramKey.size, 1234n, true);
    view.setBigInt64(ProgramKey.mtime, 1_700_000_000_123_456_789n, true);
    view.setUint32(ProgramRecord.tgid, 4711, true);
    Buffer.from(view.buffer, view.byteOffset).write('/bin/é\0rest', ProgramRecord.path);
    view.setUint32(ProgramRecord.path_size, Buffer.byteLength('/bin/é'), true);
    return view;
  };

  test('is decoded', () => {
    const view = record();
    expect(decodeProgramReport(view, 0, view.byteLength)).toEqual({
      key: Buffer.from(view.buffer, view.byteOffset, PROGRAM_KEY_SIZE).toString('hex'),
      pid: 4711,
      path: '/bin/é',
      ino: 2n ** 40n + 7n,
      version: '1234:1700000000123456789',
    });
  });

  test('of another length, or with a path beyond its end, is none', () => {
    const view = record();
    expect(decodeProgramReport(view, 0, view.byteLength - 1)).toBeNull();
    view.setUint32(ProgramRecord.path_size, PROGRAM_PATH, true);
    expect(decodeProgramReport(view, 0, view.byteLength)).toBeNull();
  });

  const noClang = spawnSync('clang', ['--version']).error !== undefined;
  (noClang ? test.skip : test)('has the layout of bpf/discover.h', () => {
    const offsets = (struct: string, members: object) =>
      Object.entries(members).map(
        ([m, at]) => `__builtin_offsetof(struct ${struct}, ${m}) == ${at}`,
      );
    const assertions = [
      ...offsets('program_key', ProgramKey),
      ...offsets('program_record', ProgramRecord),
      `sizeof(struct program_key) == ${PROGRAM_KEY_SIZE}`,
      `PROGRAM_PATH == ${PROGRAM_PATH}`,
      `sizeof(struct program_record) == ${ProgramRecord.path + PROGRAM_PATH}`,
    ].map((assertion) => `_Static_assert(${assertion}, "");`);
    const input = ['#include "vmlinux.h"', '#include "discover.h"', ...assertions, ''].join('\n');
    const flags = ['-target', 'bpf', '-D__TARGET_ARCH_x86', '-fsyntax-only', '-x', 'c'];
    const bpf = path.join(__dirname, '../../bpf');
    const { stderr } = spawnSync('clang', [...flags, '-I', bpf, '-'], { input, encoding: 'utf8' });
    expect(stderr).toBe('');
  });
});
