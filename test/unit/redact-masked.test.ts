/** What goes into a checkpoint: no secret, and every length as it was. */
import { deserialize, serialize } from 'node:v8';
import { masked as maskedPacket } from '../../tables/mysql_queries/masked.ts';
import type { Packet } from '../../tables/mysql_queries/packets.ts';
import { masked as maskedParts } from '../../tables/postgres_queries/masked.ts';
import { newParts, type Text } from '../../tables/postgres_queries/parts.ts';
import { StatementLayout } from '../../tables/postgres_queries/records.ts';
import { createRedactor } from '../../tables/redact/redactor.ts';
import {
  type Dialect,
  expandedText,
  type Line,
  type OpenCommand,
  typedText,
} from '../../tables/shell_history_live/command.ts';
import { masked } from '../../tables/shell_history_live/masked.ts';

const shell = createRedactor({ dialect: 'shell' });
const SECRET = 'hunter2xyz';

const holds = (state: unknown, secret = SECRET): boolean => {
  const bytes = serialize(state);
  const wide = Buffer.from(secret, 'utf16le'); // as fish has it, in pairs
  return (
    bytes.includes(secret) ||
    bytes.includes(Buffer.from([...secret].flatMap((c) => [c.charCodeAt(0), 0, 0, 0]))) ||
    bytes.includes(wide)
  );
};

const lineOf = (...chunks: Buffer[]): Line =>
  ({
    ...{ chunks, own: 0, cut: false },
    total: chunks.reduce((sum, { length }) => sum + length, 0),
  }) as unknown as Line;

const commandOf = (dialect: Dialect, lines: OpenCommand['lines'], whole: Line | null = null) =>
  ({ dialect, lines, whole, beyond: 0, gap: false }) as unknown as OpenCommand;

const typedLines = (...texts: string[]): OpenCommand['lines'] =>
  texts.map((text) => ({ typed: lineOf(Buffer.from(text)), expanded: null }));

describe('a command of a shell that goes on', () => {
  test('a secret over lines and chunks goes; lengths and what stands around it stay', () => {
    const chunks = ['psql -c "ALTER ROLE bob PASS', "WORD 'huq"].map((text) => Buffer.from(text));
    const open = commandOf('plain', [
      { typed: lineOf(...chunks), expanded: null },
      ...typedLines(`ter2`, `xyz'" shop`, 'ls'),
    ]);
    const safe = masked(open, shell);
    for (const part of ['huq', 'ter2', 'xyz']) expect(holds(safe, part)).toBe(false);
    const before = typedText(open);
    const after = typedText(deserialize(serialize(safe)) as OpenCommand);
    expect(after).toMatchObject({ length: before.length, cut: false });
    expect(after.bytes).toHaveLength(before.bytes.length);
    const stored = shell.redact(Buffer.from(after.bytes)).toString();
    expect(stored).toBe(`psql -c "ALTER ROLE bob PASSWORD '[redacted]'" shop\nls`);
  });

  test('without a secret it is the same', () => {
    const lines = typedLines('for i in 1 2; do', 'echo $i; done');
    const safe = masked(commandOf('plain', lines), shell);
    expect(safe.lines.map(({ typed }) => Buffer.concat(typed.chunks).toString())).toEqual([
      ...['for i in 1 2; do', 'echo $i; done'],
    ]);
  });

  test('what history expansion made of a line is masked too', () => {
    const [line] = typedLines('!! && mysql -phunter2xyz');
    const expanded = lineOf(Buffer.from('true && mysql -phunter2xyz'));
    const open = commandOf('plain', line ? [{ ...line, expanded }] : []);
    const safe = masked(open, shell);
    expect(holds(safe)).toBe(false);
    expect(expandedText(safe, typedText(safe).bytes)).toHaveLength(26);
  });

  test('zsh: metafied, with a whole; fish: UTF-32', () => {
    const text = 'export API_KEY=hunter2xyz; é';
    const whole = lineOf(Buffer.from(text));
    expect(holds(masked(commandOf('zsh', typedLines(text), whole), shell))).toBe(false);
    const wide = Buffer.from([...text].flatMap((c) => [c.charCodeAt(0), 0, 0, 0]));
    const fish = commandOf('fish', [{ typed: lineOf(wide), expanded: null }]);
    const safe = masked(fish, shell);
    expect(holds(fish)).toBe(true);
    expect(holds(safe)).toBe(false);
    expect(typedText(safe).bytes.toString()).toBe('export API_KEY=[redacted]; é');
  });

  test('a token that goes on behind the checkpoint leaves no tail', () => {
    const token = 'ghp_abcdefghijklmnopqrstuvwxyz0123456789';
    const open = commandOf('plain', [
      {
        typed: { ...lineOf(Buffer.from(`echo ${token.slice(0, 30)}`)), total: -1 },
        expanded: null,
      },
    ]);
    const safe = masked(open, shell);
    expect(holds(safe, token.slice(0, 20))).toBe(false);
    const text = Buffer.concat([typedText(safe).bytes, Buffer.from(token.slice(30))]);
    expect(shell.redact(text).toString()).not.toContain(token.slice(30));
  });
});

describe('parts of a backend of PostgreSQL', () => {
  const postgres = createRedactor({ dialect: 'postgres' });
  const textOf = (...chunks: string[]): Text => ({
    chunks: chunks.map((chunk) => Buffer.from(chunk)),
    ...{ own: 0, total: chunks.join('').length, ended: true, cut: false },
  });

  test('query, error, what is bound and what a signal met: none holds the secret', () => {
    const query = textOf("ALTER ROLE bob PASSWORD 'hunter", "2xyz' LOGIN");
    const dying = Buffer.alloc(StatementLayout.bytes + 200);
    dying.write("ALTER ROLE bob PASSWORD 'hunter2xyz'", StatementLayout.bytes);
    const parts = {
      ...newParts(),
      ...{ query, dying, bind: textOf('\0\0\0\0hunter2xyz') },
      bound: new Map([[1, { values: '["hunter2xyz"]', executed: false }]]) as never,
    };
    const safe = maskedParts(parts, postgres);
    expect(holds(safe)).toBe(false);
    expect(Buffer.concat(safe.query?.chunks ?? []).toString()).toBe(
      "ALTER ROLE bob PASSWORD '[redacted]' LOGIN",
    );
    expect(safe.dying).toHaveLength(dying.length);
    expect(safe.bind?.cut).toBe(true);
    expect(holds(parts)).toBe(true);
  });
});

describe('packets of MySQL', () => {
  const mysql = createRedactor({ dialect: 'mysql' });
  const packetOf = (...chunks: Buffer[]): Packet => {
    const size = chunks.reduce((sum, { length }) => sum + length, 0);
    return {
      ...{ tgid: 1, chunks, size, total: size },
      ...{ cut: false, failed: false, ended: true },
    };
  };

  test('a text keeps its length, for statements are told by offsets in it', () => {
    const text = "SELECT 1; SET PASSWORD = 'hunter2xyz'; SELECT 2";
    const safe = maskedPacket(
      packetOf(Buffer.from(text.slice(0, 30)), Buffer.from(text.slice(30))),
      mysql,
    );
    expect(Buffer.concat(safe.chunks).toString()).toBe(text.replace('hunter2xyz', '[redacted]'));
    expect(safe.size).toBe(text.length);
  });

  test('the values of an execution are left out', () => {
    const execution = Buffer.concat([
      Buffer.from([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 253, 0, 10]),
      Buffer.from('hunter2xyz'),
    ]);
    const safe = maskedPacket(packetOf(execution), mysql);
    expect(holds(safe)).toBe(false);
    expect(safe.failed).toBe(true);
  });
});
