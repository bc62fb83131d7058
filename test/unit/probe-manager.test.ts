/** Attaching to what is no bash, or none that we can use: each says why, and the others go on. */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TargetLayout } from '../../native/events.ts';
import { installedExecutable } from '../../native/executables.ts';
import { BpfObject } from '../../native/libbpf.ts';
import { ProbeManager } from '../../tables/collector/probe-manager.ts';
import type { TargetKind } from '../../tables/collector/target-kind.ts';
import { bash } from '../../tables/shell_history_live/targets.ts';
import { buildElf, CODE_VADDR } from '../fixtures/elf/build.ts';
import { BUILD, describeLive } from '../live/requires.ts';

/** Those that only the config asks for are not shown without it. */
const SHOWN = bash.probes.filter(({ option }) => option === undefined).length;

const directory = mkdtempSync(join(tmpdir(), 'probes-'));
afterAll(() => rmSync(directory, { recursive: true }));

describeLive('the probe manager', () => {
  let object: BpfObject;
  let probes: ProbeManager;
  beforeEach(() => {
    object = new BpfObject(join(BUILD, 'bpf/shell.bpf.o'), { events: 65_536 });
    probes = new ProbeManager(object);
  });
  afterEach(() => object.close());

  function attach(path: string, kind: TargetKind = bash): boolean {
    const executable = installedExecutable(path);
    if (!executable) throw new Error(`no ${path}`);
    return probes.attach(kind, executable);
  }
  const file = (name: string, content: string | Buffer): string => {
    const path = join(directory, name);
    writeFileSync(path, content);
    return path;
  };
  /** State and error of a target's probes, each once. */
  const statesOf = (path: string): string[] => [
    ...new Set(
      probes
        .states(0n)
        .filter(({ target }) => target === path)
        .map(({ state, last_error }) => `${state}: ${last_error}`),
    ),
  ];

  test('a text file under the name of a shell fails with a line; bash is attached all the same', () => {
    const text = file('bash-text', 'not a program, though long enough to have a header'.repeat(3));
    expect(attach(text)).toBe(false);
    expect(attach('/bin/bash')).toBe(true);
    expect(statesOf(text)).toEqual([
      `failed: ${text}: not a usable ELF file: no ELF magic [ELF]: check the path; \`status\` lists what is attached`,
    ]);
    expect(statesOf(installedExecutable('/bin/bash')?.path ?? '')).toEqual(['attached: null']);
    expect(probes.states(0n)).toHaveLength(2 * SHOWN);
  });

  test('a file that is gone by now, an empty one, and a program that is no shell', () => {
    const gone = file('bash-gone', 'x');
    const empty = file('bash-empty', '');
    const executable = installedExecutable(gone);
    rmSync(gone);
    if (executable) probes.attach(bash, executable);
    expect(statesOf(gone)[0]).toMatch(/^failed: .*bash-gone: cannot be opened \(ENOENT\) \[ELF\]/);
    attach(empty);
    expect(statesOf(empty)[0]).toMatch(/shorter than a header/);
    const other = join(directory, 'bash-other');
    copyFileSync('/bin/true', other);
    expect(attach(other)).toBe(false);
    expect(statesOf(other)).toEqual([
      expect.stringMatching(/^failed: .*bash-other: no read_command \[NO_SYMBOL\]/),
    ]);
  });

  test('a function that is not required and a variable may be missing: the rest is attached', () => {
    const copy = join(directory, 'bash-copy');
    copyFileSync('/bin/bash', copy);
    const [required, ...optional] = bash.probes;
    if (!required) throw new Error('no probes');
    const kind: TargetKind = {
      ...bash,
      probes: [required, { ...(optional[1] ?? required), symbol: 'no_such_function' }],
      globals: [{ index: 0, symbol: 'no_such_variable', gives: 'exit_code' }],
    };
    expect(attach(copy, kind)).toBe(true);
    expect(
      probes.states(0n).map(({ symbol, state, last_error }) => [symbol, state, last_error]),
    ).toEqual([
      ['read_command', 'attached', 'no no_such_variable: without exit_code'],
      ['no_such_function', 'failed', expect.stringMatching(/no no_such_function \[NO_SYMBOL\]/)],
    ]);
  });

  test('a binary is attached once, by whatever name', () => {
    expect(attach('/bin/bash')).toBe(true);
    expect(attach('/usr/bin/bash')).toBe(true);
    expect(probes.states(0n)).toHaveLength(SHOWN);
    expect(probes.target(0)).toMatchObject({ program: 'bash', path: '/usr/bin/bash' });
    expect(probes.target(1)).toBeUndefined();
  });

  test('one that fails is tried once, and still fails when it is asked for again', () => {
    const text = file('bash-again', 'x'.repeat(100));
    expect([attach(text), attach(text)]).toEqual([false, false]);
    expect(probes.states(0n)).toHaveLength(SHOWN);
  });

  test('what is refused takes no room from a real shell, and is shown up to a limit', () => {
    for (let n = 0; n < TargetLayout.max + 10; n++) attach(file(`bash${n}`, String(n)));
    expect(attach('/bin/bash')).toBe(true);
    expect(probes.target(0)).toMatchObject({ program: 'bash' });
    expect(probes.states(0n)).toHaveLength((TargetLayout.max + 1) * SHOWN);
  });

  test('beyond the bound a binary waits, says so, and is attached when another is released', () => {
    const LIMIT = 3;
    const [required] = bash.probes;
    if (!required) throw new Error('no probes');
    const kind: TargetKind = { ...bash, probes: [{ ...required, symbol: 'f' }], globals: [] };
    probes = new ProbeManager(object, { limit: LIMIT });
    const elf = (n: number): Buffer =>
      buildElf({
        code: Buffer.alloc(256, 0x90),
        dynsym: [{ name: 'f', vaddr: CODE_VADDR, size: 8 }],
        buildId: Buffer.from([n]),
      });
    const paths = Array.from({ length: LIMIT + 2 }, (_, n) => file(`e${n}`, elf(n)));
    const attached = paths.map((path) => attach(path, kind));
    expect(attached.indexOf(false)).toBe(LIMIT);
    const [waiting, next] = paths.slice(LIMIT);
    const reason = `waiting: no room: ${LIMIT} binaries are attached already`;
    expect([statesOf(waiting ?? ''), statesOf(next ?? '')]).toEqual([[reason], [reason]]);
    expect(attach(waiting ?? '', kind)).toBe(false); // it waits once
    probes.release(installedExecutable(paths[1] ?? '')?.inode ?? '');
    expect([statesOf(waiting ?? ''), statesOf(next ?? '')]).toEqual([['attached: null'], [reason]]);
    expect(statesOf(paths[1] ?? '')).toEqual([]);
    probes.release(installedExecutable(next ?? '')?.inode ?? '');
    expect(statesOf(next ?? '')).toEqual([]);
    expect(probes.states(0n)).toHaveLength(LIMIT);
  });

  test('a refused one is forgotten with its file: another content may be a shell', () => {
    const path = file('bash-mended', 'x'.repeat(100));
    expect(attach(path)).toBe(false);
    copyFileSync('/bin/bash', path); // the same inode
    expect(attach(path)).toBe(false);
    probes.release(installedExecutable(path)?.inode ?? '');
    expect(attach(path)).toBe(true);
    expect(statesOf(path)).toEqual(['attached: null']);
  });
});
