/** Texts that are long, cut, unreadable or no UTF-8, from records to the columns of a row. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { eventRow } from '../../tables/event.ts';
import { capture } from '../../tables/shell_history_live/capture.ts';
import { spec } from '../../tables/shell_history_live/spec.ts';
import { assembled, CHUNK, Shell, viewOf, world } from '../fixtures/shell/records.ts';

const MiB = 1024 * 1024;
const typed = (line: string | Buffer): Shell => new Shell().context().line(line);
const ofLine = (line: Buffer, maxText = MiB) =>
  assembled(new Shell().context().longLine(line).start().end().records, { maxText })[0];

describe('a long text', () => {
  test('of 17 chunks is whole, also where a chunk ends within a character', () => {
    const text = 'ü…😀'.repeat(Math.floor((17 * CHUNK - 1) / 9));
    const bytes = Buffer.from(text);
    expect(Math.ceil(bytes.length / CHUNK)).toBe(17);
    const row = ofLine(bytes, 2 * MiB);
    expect(row?.command === text).toBe(true);
    expect(row).toMatchObject({ command_length: bytes.length, truncated: 0 });
  });

  test('over max_text is cut between characters; its length is the true one', () => {
    const row = ofLine(Buffer.from(`a${'ü'.repeat(600)}`), 1000);
    expect(row?.command).toBe(`a${'ü'.repeat(499)}`);
    expect(row).toMatchObject({ command_length: 1201, truncated: 1 });
  });

  test('of exactly max_text is whole', () => {
    expect(ofLine(Buffer.alloc(1000, 'a'), 1000)).toMatchObject({
      command: 'a'.repeat(1000),
      command_length: 1000,
      truncated: 0,
    });
  });

  test('that the kernel side only measured from some point on', () => {
    const shell = new Shell().context();
    shell.line('x'.repeat(CHUNK), { last: false });
    shell.line('y', { cut: true, total: 5_000_000 }).start().end();
    const [row] = assembled(shell.records);
    expect(row?.command).toBe(`${'x'.repeat(CHUNK)}y`);
    expect(row).toMatchObject({ command_length: 5_000_000, truncated: 1 });
  });

  test('of which the last chunk was lost', () => {
    const shell = new Shell().context().line('x'.repeat(CHUNK), { last: false }).lose();
    const [row] = assembled(shell.start().end().records);
    expect(row?.command).toBe('x'.repeat(CHUNK));
    expect(row).toMatchObject({ command_length: CHUNK, truncated: 1 });
  });

  test('expanded, over max_text: cut as well', () => {
    const shell = typed('!!')
      .expanded(`a${'ü'.repeat(9)}`)
      .start()
      .end();
    expect(assembled(shell.records, { maxText: 10 })).toMatchObject([
      { command: '!!', truncated: 0, expanded: 'aüüüü' },
    ]);
  });

  test('of more lines than are kept: all of them count', () => {
    const shell = new Shell().context();
    const lines = 70_000;
    for (let n = 0; n < lines; n++) shell.line('é');
    const [row] = assembled(shell.rejected().start().end().records);
    expect(row).toMatchObject({ command_length: 3 * lines - 1, truncated: 1, exit_code: 0 });
    expect(String(row?.command)).toMatch(/^é\n[é\n]*é$/);
  });

  test('of many long lines: what is kept of it is bounded', async () => {
    setFlagsFromString('--expose-gc');
    const gc: () => void = runInNewContext('gc');
    /** Bytes of living buffers: V8 frees the dead ones in the background after the first collection. */
    const living = async (): Promise<number> => {
      gc();
      await new Promise((resolve) => setImmediate(resolve));
      gc();
      return process.memoryUsage().arrayBuffers;
    };
    const assembler = capture.assembler(world);
    const [context, chunk] = new Shell().context().line('z'.repeat(CHUNK), { last: true }).records;
    if (!context || !chunk) throw new Error('no records');
    assembler.accept(viewOf(context), 0, context.length);
    const before = await living();
    const lines = 1000;
    for (let n = 0; n < lines; n++) assembler.accept(viewOf(chunk), 0, chunk.length);
    expect((await living()) - before).toBeLessThan(8 * MiB);
    const row = eventRow(spec, assembler.abandon(100) ?? []);
    expect(row).toMatchObject({ command_length: lines * (CHUNK + 1) - 1, truncated: 1 });
    expect(row.command).toHaveLength(MiB);
  });
});

describe('a text that could not be read', () => {
  const failed = { readFailed: true };

  test('is not known', () => {
    const [row] = assembled(new Shell().context().line('', failed).start().end(1).records);
    expect(row).toMatchObject({ command: null, command_length: null, truncated: 1, exit_code: 1 });
  });

  test('in its second line: the first stands', () => {
    const [row] = assembled(typed('if true').line('', failed).start().end().records);
    expect(row).toMatchObject({ command: 'if true\n', command_length: 8, truncated: 1 });
  });

  test('in its second chunk: the first stands', () => {
    const shell = new Shell().context().line('x'.repeat(CHUNK), { last: false });
    shell.line('', { readFailed: true, cut: true, total: CHUNK }).start().end();
    expect(assembled(shell.records)).toMatchObject([{ command_length: CHUNK, truncated: 1 }]);
  });

  test('after expansion: no histverify, the typed line stands', () => {
    const [row] = assembled(typed('!!').expanded('', failed).start().end().records);
    expect(row).toMatchObject({ command: '!!', command_length: 2, truncated: 0, expanded: null });
  });
});

test('bytes that are not UTF-8 are shown, the length counts the bytes', () => {
  const line = Buffer.from([0x61, 0xff, 0xe4, 0xbd, 0xa0, 0xc3]);
  expect(assembled(typed(line).end().records)).toMatchObject([
    { command: 'a\\xff你\\xc3', command_length: 6, truncated: 0 },
  ]);
});

test('an empty line is a value', () => {
  expect(assembled(typed('').end().records)).toMatchObject([
    { command: '', command_length: 0, truncated: 0 },
  ]);
});
