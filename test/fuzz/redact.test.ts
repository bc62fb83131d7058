/** Any bytes: nothing throws, nothing but secrets changes, and time grows with the length. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { createRedactor, type Dialect } from '../../tables/redact/redactor.ts';
import { MARK } from '../../tables/redact/spans.ts';

const dialects = ['shell', 'postgres', 'mysql'] as const satisfies readonly Dialect[];
const redactors = {
  shell: createRedactor({ dialect: 'shell' }),
  postgres: createRedactor({ dialect: 'postgres' }),
  mysql: createRedactor({ dialect: 'mysql' }),
};

const corpus = JSON.parse(
  readFileSync(join(__dirname, '../fixtures/redact/secrets.json'), 'utf8'),
) as readonly {
  readonly dialect: Dialect;
  readonly text: string;
  readonly gone: readonly string[];
}[];

/** What rules and parsers look at. */
const PIECES = [
  ...['password=', "PASSWORD '", 'IDENTIFIED BY ', 'mysql -p', 'curl -u a:', '--token ', 'export '],
  ...[
    'SECRET=',
    'Authorization: Bearer ',
    '://',
    '@',
    ':',
    '=',
    "'",
    '"',
    '`',
    '\\',
    '$(',
    ')',
    '${',
  ],
  ...[
    '}',
    '$((',
    '<<EOF\n',
    'EOF\n',
    '<<<',
    '|',
    ';',
    '\n',
    ' ',
    '#',
    '--',
    '/*',
    '*/',
    '$$',
    "$'",
  ],
  ...[
    'chpasswd',
    'echo ',
    '(',
    '[redacted]',
    '[redact',
    'ghp_aaaaaaaaaaaaaaaaaaaaaaaa',
    'eyJhbGci.eyJh',
  ],
  ...[
    '-----BEGIN PRIVATE KEY-----',
    '-----END',
    'AES_ENCRYPT(',
    ',',
    '||',
    'SET PASSWORD',
    'x',
    '\xa0',
  ],
  ...['INSERT INTO t (password) VALUES (', '?', '$1', '0x61', "E'", "''", '\\x', '%L', 'format('],
];
const likely = fc
  .array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 4 })), { maxLength: 40 })
  .map((pieces) => Buffer.from(pieces.join(''), 'latin1'));
const bytes = fc.oneof(
  likely,
  fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
);
const dialect = fc.constantFrom(...dialects);

test('any bytes are redacted or left; what is between the marks was there, in its order', () => {
  fc.assert(
    fc.property(dialect, bytes, fc.boolean(), (name, text, cut) => {
      const out = redactors[name].redact(text, cut).toString('latin1');
      const input = text.toString('latin1');
      const pieces = out.split(MARK);
      let at = 0;
      for (const piece of pieces) {
        const found = input.indexOf(piece, at);
        expect(found).toBeGreaterThanOrEqual(0);
        at = found + piece.length;
      }
      expect(input.startsWith(pieces[0] ?? '')).toBe(true);
      expect(input.endsWith(pieces.at(-1) ?? '')).toBe(true);
      expect(redactors[name].mask(text)).toHaveLength(text.length);
    }),
    { numRuns: 3000 },
  );
});

test('arguments, messages and parameters of any form', () => {
  fc.assert(
    fc.property(dialect, fc.array(bytes, { maxLength: 6 }), bytes, (name, values, statement) => {
      const redactor = redactors[name];
      const texts = values.map((value) => value.toString());
      expect(redactor.redactArguments(texts)).toHaveLength(texts.length);
      redactor.redactMessage(values[0] ?? statement, statement);
      const json: unknown = JSON.parse(redactor.redactParameters(JSON.stringify(texts), statement));
      expect(Array.isArray(json)).toBe(true);
    }),
    { numRuns: 1000 },
  );
});

test('a secret goes wherever its text stands: between other lines, statements, bytes', () => {
  const around = fc.constantFrom('', 'ls -la', 'SELECT 1', 'cd /tmp', 'true');
  fc.assert(
    fc.property(
      fc.constantFrom(...corpus),
      around,
      around,
      ({ dialect: name, text, gone }, a, b) => {
        const separator = name === 'shell' ? '\n' : ';\n';
        const whole = Buffer.from([a, text, b].join(separator));
        const out = redactors[name].redact(whole).toString();
        for (const secret of gone) expect(out).not.toContain(secret);
        if (a !== '') expect(out.startsWith(a)).toBe(true);
      },
    ),
    { numRuns: 1000 },
  );
});

test('a secret goes whatever stands directly before its text, and behind it', () => {
  const leaks: string[] = [];
  for (const { dialect: name, text, gone } of corpus)
    for (const before of ['', ' ', '\n', '\t', '  ', '\n\n', ';', 'x\n\n'])
      for (const after of ['', ' ', '\n', '\n\n']) {
        const whole = `${before}${text}${after}`;
        const out = redactors[name].redact(Buffer.from(whole)).toString();
        if (gone.some((secret) => out.includes(secret))) leaks.push(whole);
      }
  expect(leaks).toEqual([]);
});

test('a part of a memory is judged by its own bytes, wherever it lies', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...corpus),
      fc.constantFrom(...corpus),
      fc.nat(9),
      fc.nat(40),
      ({ dialect: name, text }, { text: other }, shift, cut) => {
        const before = Buffer.from(other + ' '.repeat(shift));
        const part = Buffer.from(text).subarray(cut);
        const memory = Buffer.concat([before, part, Buffer.from(other)]);
        const from = before.length;
        const redactor = redactors[name];
        const copy = Buffer.from(part);
        const isClean = redactor.isClean(memory, from, from + part.length);
        if (isClean) expect(redactor.redact(copy)).toBe(copy);
        expect(isClean).toBe(redactor.isClean(copy, 0, copy.length));
      },
    ),
    { numRuns: 3000 },
  );
});

/** What looks further than it should, if anything does. */
const REPEATED = [
  ...[
    '(password) = (',
    'INSERT u (password) VALUES (',
    "auth('a', ",
    'redis-cli auth ',
    '[redacted]a ',
  ],
  ...[
    'password=',
    'token=a&',
    "'password',",
    '"',
    "'",
    '`',
    '$(',
    '$((',
    '${',
    '(',
    '<<a;',
    '<<a\n',
  ],
  ...['mysql -p$(', '-----BEGIN PRIVATE KEY-----', 'a://b:c', 'eyJhbGciO.eyJ', 'INTO a '],
  ...[
    'machine a login b password c ',
    'INSERT INTO t(password) VALUES (',
    'AES_ENCRYPT(',
    '$a$',
    '/*',
  ],
  ...[
    "password 'x' || ",
    '(echo a;) | ',
    'echo a | passwd --stdin ',
    '--token ',
    '11',
    '\\',
    '[redacted]',
  ],
  ...['password IN (', 'password\t\t\t\t', "password = 'a' || ", '<password>', 'authorization: '],
];
const SMALL = 2 ** 13;
const GROWTH = 8;
/** Of a quadratic one it is GROWTH times GROWTH. */
const MOST = 4 * GROWTH;

const cpuMs = (name: Dialect, text: Buffer): number => {
  const before = process.cpuUsage();
  redactors[name].redact(text);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
};

test.each(dialects)('time grows with the length: %s', (name) => {
  const slow = REPEATED.flatMap((piece) => {
    const text = (length: number) =>
      Buffer.from(`${piece.repeat(Math.ceil(length / piece.length))} password=x`);
    const small = Math.max(cpuMs(name, text(SMALL)), 2);
    const large = cpuMs(name, text(GROWTH * SMALL));
    return large > MOST * small ? [{ piece, small, large }] : [];
  });
  expect(slow).toEqual([]);
});
