/** Where a probe of a function is cheap: functions by their bytes, and those of real programs. */
import fs from 'node:fs';
import { type Elf, parseElf, probeAddress, withElf } from '../../native/elf.ts';
import { cheapAddress } from '../../native/probe-place.ts';
import { decode } from '../../native/x86.ts';
import { symbolsAt } from '../../tables/collector/symbol-places.ts';

const VADDR = 0x1000;
const OFFSET = 0x200;
const X86_64 = 62;
const AARCH64 = 183;

/** An executable of one segment, with this code at OFFSET. */
function program(code: readonly number[], machine = X86_64): Elf {
  const bytes = Buffer.alloc(0x400);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(bytes);
  bytes.writeUInt16LE(machine, 18);
  bytes.writeBigUInt64LE(64n, 32); // program headers
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(1, 56);
  bytes.writeUInt32LE(1, 64); // PT_LOAD
  bytes.writeUInt32LE(5, 68); // readable, executable
  bytes.writeBigUInt64LE(BigInt(OFFSET), 72);
  bytes.writeBigUInt64LE(BigInt(VADDR), 80);
  bytes.writeBigUInt64LE(0x200n, 96);
  bytes.writeBigUInt64LE(0x200n, 104);
  Buffer.from(code).copy(bytes, OFFSET);
  return parseElf({ size: bytes.length, read: (from, size) => bytes.subarray(from, from + size) });
}

const passed = (code: readonly number[], options: { kept?: number; machine?: number } = {}) => {
  const symbol = { name: 'f', vaddr: VADDR, size: code.length, kind: 'function' } as const;
  const { vaddr, offset } = cheapAddress(program(code, options.machine), symbol, options.kept);
  expect(offset - OFFSET).toBe(vaddr - VADDR);
  return vaddr - VADDR;
};

const ENDBR64 = [0xf3, 0x0f, 0x1e, 0xfa];
const PUSH_RBX = 0x53;
const RET = 0xc3;
const CMP_GLOBAL = [0x83, 0x3d, 0, 0, 0, 0, 0xff]; // cmpl $-1, global(%rip)
const LOAD_EAX = [0x8b, 0x05, 0, 0, 0, 0]; // mov global(%rip), %eax
const TEST_EAX = [0x85, 0xc0];

test.each([
  ['push at once', [PUSH_RBX, RET], 0],
  ['push behind endbr64', [...ENDBR64, PUSH_RBX, RET], 4],
  ['push %r12', [0x41, 0x54, RET], 0],
  ['bash’s readline', [...CMP_GLOBAL, PUSH_RBX, RET], 7],
  ['bash’s notify_and_cleanup', [...LOAD_EAX, ...TEST_EAX, 0x75, 0, RET], 8],
  ['behind endbr64, too', [...ENDBR64, ...CMP_GLOBAL, PUSH_RBX, RET], 11],
  ['a stack that moves stays at the entry', [0x48, 0x83, 0xec, 8, PUSH_RBX, RET], 0],
  ['an argument that is set', [0xbf, 1, 0, 0, 0, PUSH_RBX, RET], 0],
  ['an argument that is loaded', [0x8b, 0x3d, 0, 0, 0, 0, PUSH_RBX, RET], 0],
  ['memory that is written', [0x89, 0x05, 0, 0, 0, 0, PUSH_RBX, RET], 0],
  ['nothing cheap before it returns', [...TEST_EAX, RET], 0],
  ['too far', [...TEST_EAX, ...TEST_EAX, ...TEST_EAX, ...TEST_EAX, ...TEST_EAX, PUSH_RBX], 0],
  ['a loop back to it', [...TEST_EAX, 0x75, 0xfe, RET], 0],
  ['a loop back to the entry', [...TEST_EAX, 0x75, 0xfc, RET], 2],
  ['bytes that are no instruction', [...TEST_EAX, PUSH_RBX, 0x06], 0],
])('%s', (_, code, expected) => {
  expect(passed(code)).toBe(expected);
});

test('an argument that the probe does not read may change', () => {
  const code = [0x8d, 0x50, 0xfb, 0x77, 0, RET]; // lea -5(%rax), %edx; ja
  expect(passed(code)).toBe(0);
  expect(passed(code, { kept: 3 })).toBe(0);
  expect(passed(code, { kept: 2 })).toBe(3);
});

test('other processors are left alone', () => {
  expect(passed([...CMP_GLOBAL, PUSH_RBX, RET], { machine: AARCH64 })).toBe(0);
});

(fs.existsSync('/usr/bin/bash') && process.arch === 'x64' ? test : test.skip)(
  'each hook of the machine’s bash needs no single step',
  () => {
    const names = ['read_command', 'readline', 'pre_process_line', 'notify_and_cleanup'];
    withElf('/usr/bin/bash', (elf) => {
      const symbols = symbolsAt(elf, '/usr/bin/bash', new Set(names), {});
      for (const name of names) {
        const symbol = symbols.get(name);
        if (!symbol) throw new Error(`no ${name}`);
        const { vaddr, offset } = cheapAddress(elf, symbol);
        expect(vaddr).toBeGreaterThanOrEqual(probeAddress(elf, symbol).vaddr);
        const opcode = decode(elf.source.read(offset, 15), 0)?.opcode ?? 0;
        expect(opcode).toBeGreaterThanOrEqual(0x50); // push …
        expect(opcode).toBeLessThan(0x80); // … or a conditional jump
      }
    });
  },
);
