/** Offsets out of code: functions as compilers write them, each shape that real servers have. */

import { decode } from '../../native/x86.ts';
import { accessesOf } from '../../tables/mysql_queries/accesses.ts';
import {
  CONTEXT_IS_POINTER,
  FUNCTIONS,
  MysqlSymbol,
  offsetsOf,
} from '../../tables/mysql_queries/offsets.ts';

/** Machine code in hex, one instruction a line, with what it says behind a semicolon. */
const assemble = (text: string): Uint8Array =>
  Buffer.from(
    text
      .split('\n')
      .map((line) => line.split(';')[0] ?? '')
      .join('')
      .replace(/\s/g, ''),
    'hex',
  );

const LOAD = '48 8b 87 18 3f 00 00 ; mov 0x3f18(%rdi),%rax';
const code = {
  load: `55 ; push\n${LOAD}\n48 89 e5 ; mov %rsp,%rbp\n5d ; pop\nc3`,
  store: '48 89 b7 98 3b 00 00 ; mov %rsi,0x3b98(%rdi)\n48 8b bf 50 3c 00 00 ; mov\nc3',
  address: '48 8d 87 a0 00 00 00 ; lea 0xa0(%rdi),%rax\nc3',
  member: (offset: string) => `48 8b 87 f8 25 00 00 ; mov 0x25f8(%rdi),%rax
    48 85 c0 ; test %rax,%rax
    74 04 ; je
    48 8b ${offset} ; mov …(%rax),%rax
    c3`,
  counter: `55
    4c 8d af 78 03 00 00 ; lea 0x378(%rdi),%r13
    49 89 f4 ; mov %rsi,%r12
    48 89 fb ; mov %rdi,%rbx
    48 8b 86 78 3e 00 00 ; mov 0x3e78(%rsi),%rax
    4c 8d 40 01 ; lea 1(%rax),%r8
    4c 89 86 78 3e 00 00 ; mov %r8,0x3e78(%rsi)
    e8 00 00 00 00 ; call
    c3`,
  describe: `55
    49 89 fd ; mov %rdi,%r13
    4d 8b b5 18 1f 00 00 ; mov 0x1f18(%r13),%r14
    e8 00 00 00 00 ; call
    49 83 bd d8 19 00 00 00 ; cmpq $0,0x19d8(%r13)
    49 8d 9d d8 19 00 00 ; lea 0x19d8(%r13),%rbx
    74 05 ; je
    eb 0e ; jmp
    48 8b 33 ; mov (%rbx),%rsi
    48 83 7b 10 00 ; cmpq $0,0x10(%rbx)
    48 8b 73 10 ; mov 0x10(%rbx),%rsi
    48 83 7b 08 00 ; cmpq $0,0x8(%rbx)
    c3`,
  describeOld: `49 89 fc ; mov %rdi,%r12
    48 8d 9f a0 0f 00 00 ; lea 0xfa0(%rdi),%rbx
    48 89 df ; mov %rbx,%rdi
    e8 00 00 00 00 ; call get_host
    48 83 7b 60 00 ; cmpq $0,0x60(%rbx)
    c3`,
  self: '48 89 f8 ; mov %rdi,%rax\nc3',
  second: '48 8d 47 20 ; lea 0x20(%rdi),%rax\nc3',
  setDb: `49 89 fc ; mov %rdi,%r12
    49 c7 84 24 80 00 00 00 00 00 00 00 ; movq $0,0x80(%r12)
    49 c7 84 24 88 00 00 00 00 00 00 00 ; movq $0,0x88(%r12)
    c3`,
  context: '48 8b 87 00 0b 00 00 ; mov 0xb00(%rdi),%rax\n48 89 06 ; mov %rax,(%rsi)\n31 c0\nc3',
} as const;

const offsets = (functions: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    [...offsetsOf((name) => (name in functions ? assemble(functions[name] ?? '') : null))].map(
      ([symbol, offset]) => [
        Object.entries(MysqlSymbol).find(([, value]) => value === symbol)?.[0],
        offset,
      ],
    ),
  );

test('nothing is known of a build without these functions', () => {
  expect(offsets({})).toEqual({});
});

test('MariaDB with accessors', () => {
  expect(
    offsets({
      [FUNCTIONS.id]: code.load,
      [FUNCTIONS.rows]: code.store,
      [FUNCTIONS.db]: code.address,
      [FUNCTIONS.user]: code.member('40 08'),
      [FUNCTIONS.host]: code.member('00'),
      [FUNCTIONS.ip]: code.member('40 10'),
      [FUNCTIONS.prepare]: code.counter,
    }),
  ).toEqual({
    THD_ID: 0x3f18,
    THD_ROWS: 0x3b98,
    THD_DB: 0xa0,
    THD_CONTEXT: 0x25f8 + CONTEXT_IS_POINTER,
    CONTEXT_USER: 8,
    CONTEXT_HOST: 0,
    CONTEXT_IP: 16,
    THD_STATEMENTS: 0x3e78,
  });
});

test('MariaDB 10.2: the context by the function that describes it', () => {
  expect(offsets({ [FUNCTIONS.describe]: code.describe, [FUNCTIONS.setDb]: code.setDb })).toEqual({
    THD_CONTEXT: 0x19d8,
    CONTEXT_HOST: 0,
    CONTEXT_IP: 16,
    CONTEXT_USER: 8,
    THD_DB: 0x80,
  });
});

test('MySQL 5.6: Strings of the context, and Statement as the second base of THD', () => {
  expect(
    offsets({
      [FUNCTIONS.describeOld]: code.describeOld,
      [FUNCTIONS.getHost]: code.self,
      [FUNCTIONS.getIp]: code.second,
      [FUNCTIONS.setDb]: code.setDb,
      [FUNCTIONS.statementAt8]: 'c3',
    }),
  ).toEqual({
    THD_CONTEXT: 0xfa0,
    CONTEXT_USER: 0x60,
    CONTEXT_HOST: 0,
    CONTEXT_IP: 0x20,
    THD_DB: 0x88,
  });
});

test('MySQL 5.7: the pointer to the context', () => {
  expect(offsets({ [FUNCTIONS.context]: code.context })).toEqual({
    THD_CONTEXT: 0xb00 + CONTEXT_IS_POINTER,
    CONTEXT_USER: 0,
    CONTEXT_HOST: 32,
    CONTEXT_IP: 64,
  });
});

test.each([
  ['two loads where one is expected', `${LOAD}\n${LOAD}\nc3`],
  ['another kind of access', code.address],
  ['the argument overwritten before', `31 ff ; xor %edi,%edi\n${LOAD}\nc3`],
  ['an instruction that is not known before it', `62 f1 7c 48\n${LOAD}\nc3`],
])('an id is not guessed: %s', (_, text) => {
  expect(offsets({ [FUNCTIONS.id]: text })).toEqual({});
});

test('accessors that disagree on the context tell nothing', () => {
  const other = code.member('00').replace('f8 25', 'f0 25');
  expect(
    offsets({
      [FUNCTIONS.user]: code.member('40 08'),
      [FUNCTIONS.host]: other,
      [FUNCTIONS.ip]: code.member('40 10'),
    }),
  ).toEqual({});
});

test('a call leaves only saved registers', () => {
  const text = `49 89 fd ; mov %rdi,%r13
    e8 00 00 00 00 ; call
    48 8b 87 10 00 00 00 ; mov 0x10(%rdi),%rax
    49 8b 45 20 ; mov 0x20(%r13),%rax
    c3`;
  expect(accessesOf(assemble(text)).map(({ offset }) => offset)).toEqual([0x20]);
});

test.each([
  ['55', 1, 'push %rbp'],
  ['f3 0f 1e fa', 4, 'endbr64'],
  ['48 8b 04 25 28 00 00 00', 8, 'mov 0x28,%rax'],
  ['64 48 8b 04 25 28 00 00 00', 9, 'mov %fs:0x28,%rax'],
  ['66 0f 1f 84 00 00 00 00 00', 9, 'nopw 0(%rax,%rax,1)'],
  ['48 b8 01 02 03 04 05 06 07 08', 10, 'movabs'],
  ['66 c7 83 5c 03 00 00 00 00', 9, 'movw $0,0x35c(%rbx)'],
  ['f0 4c 0f c1 25 1c b5 0b 01', 9, 'lock xadd %r12,…(%rip)'],
  ['f6 86 90 00 00 00 01', 7, 'testb $1,0x90(%rsi)'],
  ['f7 d8', 2, 'neg %eax'],
  ['f7 c6 00 01 00 00', 6, 'test $0x100,%esi'],
  ['0f 85 00 01 00 00', 6, 'jne'],
  ['66 0f 3a 0f c1 08', 6, 'palignr $8'],
  ['41 ff d3', 3, 'call *%r11'],
])('decodes %s as %i bytes: %s', (hex, length) => {
  expect(decode(assemble(`${hex} 90 90 90`), 0)?.length).toBe(length);
});
