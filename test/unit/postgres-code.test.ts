/** What a server's code tells: calls within static functions, variables behind accessors, cheap places to probe. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { withElf } from '../../native/elf.ts';
import { findSymbols } from '../../native/elf-symbols.ts';
import { accessedBy } from '../../tables/postgres_queries/accessor.ts';
import { CALLED, staticCalls } from '../../tables/postgres_queries/calls.ts';
import { cheapEntry, stepsOver } from '../../tables/postgres_queries/entry.ts';
import { tableOf } from '../../tables/postgres_queries/portals.ts';
import { buildElf, CODE_VADDR } from '../fixtures/elf/build.ts';

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');

describe('the variable that a function returns', () => {
  // geterrcode of Debian's PostgreSQL 15: movslq depth, test, js, imul $0xb8, lea errordata, mov 0x30(…), ret
  const debian = hex('48630511e42c00 85c0 0f88a144baff 4869c0b8000000 488d15f3972e00 8b440230 c3');
  const AT = 0x5a7b30;

  test('an element of an array, by the index in another', () => {
    const first = accessedBy(debian, AT, 0);
    expect(first).toEqual({ result: 0x891340 + 0x30, before: [0x875f48] });
    expect(accessedBy(debian, AT, 1)?.result).toBe(0x891340 + 0x30 + 0xb8);
  });

  test('a plain variable: mov stmtStartTimestamp(%rip),%rax; ret', () => {
    expect(accessedBy(hex('488b05992d6a00 c3'), 0x1e3050, 0)?.result).toBe(0x885df0);
  });

  test.each([
    ['calls something', 'e800000000 c3'],
    ['ends within an instruction', '488b05992d'],
    ['never returns', 'ebfe'],
    ['returns nothing that was loaded', '31c0 c3'],
    ['is empty', ''],
  ])('not known where it %s', (_, code) => {
    expect(accessedBy(hex(code), AT, 0)).toBeNull();
  });
});

describe('the table that a function looks into', () => {
  // GetPortalByName of Debian's 15: test, je, push, mov, mov PortalHashTable(%rip),%rdi, xor, xor, mov, call
  const debian = '4885ff 7433 55 4889fe 488b3d60542c00 31c9 31d2 4889e5 e8c41efeff 4885c0 c3';
  // … and of a build of 10, which returns early for no name, before the call
  const ten =
    '4883ec08 4885ff 7507 31c0 4883c408 c3 4889fe 488b3d8eb14900 31c9 31d2 e81d37feff 4885c0';

  test.each([
    ['Debian 15', debian, 0x5cdfd0, 0x5afeb0, 0x893440],
    ['10', ten, 0x84fea0, 0x8335e0, 0xceb048],
  ])('%s', (_, code, at, search, table) => {
    expect(tableOf(hex(code), at, search)).toBe(table);
  });

  test.each([
    ['another function is called', debian.replace('e8c41efeff', 'e8c51efeff')],
    ['nothing is loaded', debian.replace('488b3d60542c00', '488b3560542c00')],
    ['it ends before the call', debian.replace('31c9 31d2', 'c3 31d2').replace('4889e5', 'c390')],
    ['it ends within an instruction', '4885ff 7433 55 4889fe 488b3d6054'],
    ['it is empty', ''],
  ])('not known where %s', (_, code) => {
    expect(tableOf(hex(code), 0x5cdfd0, 0x5afeb0)).toBeNull();
  });
});

describe('where a probe is cheap', () => {
  const SUBTRACT = [0x83, 0xee, 0x02];

  test.each([
    ['push', '55', 0],
    ['behind endbr64', 'f30f1efa 55', 4],
    ['push of a new register', '4157', 0],
    ['behind what may be stepped over', '83ee02 53', 3],
    ['none: the entry', '4883ec08 53', 0],
    ['none behind endbr64', 'f30f1efa 4883ec08', 4],
  ])('%s', (_, code, at) => {
    const bytes = Buffer.concat([hex(code), Buffer.alloc(32, 0xcc)]);
    expect(cheapEntry(bytes, [SUBTRACT])).toBe(at);
  });

  test('whether an instruction was stepped over', () => {
    const code = hex('83ee02 53');
    expect(stepsOver(code, 3, [SUBTRACT], SUBTRACT)).toBe(true);
    expect(stepsOver(code, 0, [SUBTRACT], SUBTRACT)).toBe(false);
  });
});

describe('calls within static functions', () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'la-calls-'));
  afterAll(() => fs.rmSync(directory, { recursive: true }));

  const SIZE = 2048;
  /** Functions stand behind the code. */
  const vaddrs = new Map(
    CALLED.map((name, i) => [name as string, CODE_VADDR + SIZE - 256 + 16 * i]),
  );

  /** @param calls by offset: what is called, and bytes that stand right before */
  function found(
    calls: readonly (readonly [number, (typeof CALLED)[number], string?])[],
    jumps = '',
  ) {
    const code = Buffer.alloc(SIZE, 0x90);
    for (const [at, name, before = ''] of calls) {
      hex(before).copy(code, at - hex(before).length);
      code[at] = 0xe8;
      code.writeInt32LE((vaddrs.get(name) ?? 0) - (CODE_VADDR + at + 5), at + 1);
      if (jumps === name) {
        code[at + 5] = 0xe9;
        code.writeInt32LE(1000, at + 6);
      }
    }
    const file = path.join(directory, 'elf');
    const dynsym = [...vaddrs].map(([name, vaddr]) => ({ name, vaddr, type: 'function' as const }));
    fs.writeFileSync(file, buildElf({ code, dynsym }));
    return withElf(file, (elf) => staticCalls(elf, findSymbols(elf, new Set(CALLED))));
  }

  const NULL_NAME = '31f6';
  const at = (offset: number) => CODE_VADDR + offset;

  test('Bind: the call of PortalDefineQuery with a name, and those before it', () => {
    expect(
      found([
        [100, 'PortalDefineQuery', NULL_NAME],
        [200, 'pq_getmsgend'],
        [216, 'GetCachedPlan', NULL_NAME],
        [260, 'PortalDefineQuery', '488b742440'],
        [400, 'PortalDefineQuery', `${NULL_NAME}4889df`],
      ]),
    ).toMatchObject({ message: at(200), plan: at(216), define: at(260) });
  });

  test('Bind: two that could be it are none', () => {
    const calls = [
      [216, 'GetCachedPlan'],
      [260, 'PortalDefineQuery'],
      [400, 'PortalDefineQuery'],
    ] as const;
    expect(found(calls)).toMatchObject({ message: null, plan: null, define: null });
  });

  test.each(['', 'SetRemoteDestReceiverParams'])(
    'Execute: not the call that PortalRun follows (jump: %j)',
    (jump) => {
      const calls = [
        [300, 'SetRemoteDestReceiverParams'],
        [700, 'SetRemoteDestReceiverParams'],
        [340, 'PortalRun'],
      ] as const;
      if (jump === '') expect(found(calls).execute).toBe(at(700));
      // Both jump away: 300 + 10 + 1000 is no call of PortalRun, so neither is known to be the other.
      else expect(found(calls, jump).execute).toBeNull();
    },
  );

  test('a portal that is suspended; several statements', () => {
    expect(
      found([
        [300, 'pq_putemptymessage', 'bf49000000'],
        [320, 'pq_putemptymessage', 'bf73000000'],
        [500, 'BeginImplicitTransactionBlock', '7405'],
        [520, 'BeginImplicitTransactionBlock', '7e05'],
      ]),
    ).toMatchObject({ suspended: at(320), several: at(520) });
    expect(found([[500, 'BeginImplicitTransactionBlock']]).several).toBe(at(500));
  });

  test('nothing is called', () => {
    expect(Object.values(found([])).every((call) => call === null)).toBe(true);
  });
});
