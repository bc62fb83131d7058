/** The corpus: each secret goes, the rest stays, and what holds none is not touched. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { guarded } from '../../tables/redact/guarded.ts';
import { KEYWORDS } from '../../tables/redact/keywords.ts';
import { AFTER, BEFORE, GAP, MORE, Prefilter, START, WORD } from '../../tables/redact/prefilter.ts';
import { createRedactor, type Dialect } from '../../tables/redact/redactor.ts';
import { MARK } from '../../tables/redact/spans.ts';

interface Secret {
  readonly dialect: Dialect;
  readonly text: string;
  readonly gone: readonly string[];
  readonly stays: readonly string[];
  /** What tells that it is a secret stands behind it: a host, the reader of a pipe. */
  readonly behind?: true;
}

const fixture = (name: string): unknown =>
  JSON.parse(readFileSync(join(__dirname, '../fixtures/redact', name), 'utf8'));
const secrets = fixture('secrets.json') as readonly Secret[];
const harmless = fixture('harmless.json') as readonly Pick<Secret, 'dialect' | 'text'>[];

const redactors = {
  shell: createRedactor({ dialect: 'shell' }),
  postgres: createRedactor({ dialect: 'postgres' }),
  mysql: createRedactor({ dialect: 'mysql' }),
};
const redacted = (dialect: Dialect, text: string): string =>
  redactors[dialect].redact(Buffer.from(text)).toString();

test('the corpus is as large as it should be', () => {
  expect(secrets.length).toBeGreaterThanOrEqual(200);
  expect(harmless.length).toBeGreaterThanOrEqual(100);
  for (const { text, gone, stays } of secrets) {
    for (const part of [...gone, ...stays]) expect(text).toContain(part);
    expect(gone.length).toBeGreaterThan(0);
  }
});

test('no secret of the corpus is left, and what stands around it stays', () => {
  const wrong = secrets.flatMap(({ dialect, text, gone, stays }) => {
    const out = redacted(dialect, text);
    const leaks = gone.filter((secret) => out.includes(secret));
    const lost = stays.filter((part) => !out.includes(part));
    return leaks.length + lost.length > 0 ? [{ dialect, text, out, leaks, lost }] : [];
  });
  expect(wrong).toEqual([]);
});

test('forms of one secret: none is left', () => {
  const variants = fixture('variants.json') as Readonly<Record<Dialect, readonly string[]>>;
  const leaks = (['shell', 'postgres', 'mysql'] as const).flatMap((dialect) =>
    variants[dialect].filter((text) => redacted(dialect, text).includes('S3cr3tZ9')),
  );
  expect(leaks).toEqual([]);
  expect(Object.values(variants).flat().length).toBeGreaterThan(350);
});

test('a text without a secret comes back as the very same bytes', () => {
  const changed = harmless.flatMap(({ dialect, text }) => {
    const bytes = Buffer.from(text);
    const out = redactors[dialect].redact(bytes);
    return out === bytes ? [] : [{ dialect, text, out: out.toString() }];
  });
  expect(changed).toEqual([]);
});

test('what is redacted once is not changed by a second time', () => {
  for (const { dialect, text } of secrets) {
    const once = redacted(dialect, text);
    expect(redacted(dialect, once)).toBe(once);
  }
});

test('a mask keeps each byte of the rest at its place, and no secret', () => {
  for (const { dialect, text, gone } of secrets) {
    const bytes = Buffer.from(text);
    const masked = redactors[dialect].mask(bytes);
    expect(masked).toHaveLength(bytes.length);
    for (const secret of gone) expect(masked.toString()).not.toContain(secret);
  }
});

test('a text that is cut within a secret leaves no more than a little of it', () => {
  for (const { dialect, text, gone, behind } of secrets) {
    const [secret = ''] = gone;
    const end = text.indexOf(secret) + secret.length;
    if (behind || /^(?:echo|printf|cat|\(|\{).*(?:\||<<<)/.test(text)) continue;
    const least = secret.length > 16 ? 14 : 6; // the begin of a token is no secret
    for (let at = end - 1; at >= end - secret.length + least; at--) {
      const out = redactors[dialect].redact(Buffer.from(text.slice(0, at)), true).toString();
      const left = text.slice(end - secret.length, at);
      expect({ text, at, leak: out.includes(left) }).toMatchObject({ leak: false });
    }
  }
});

test('arguments of a program are redacted one by one', () => {
  const shell = redactors.shell;
  expect(shell.redactArguments(['mysql', '-uroot', '-phun ter2', '-e', 'select 1'])).toEqual([
    ...['mysql', '-uroot', `-p${MARK}`, '-e', 'select 1'],
  ]);
  expect(shell.redactArguments(['sh', '-c', "curl -u 'bob:it'\\''s hunter2' x"])).toEqual([
    ...['sh', '-c', `curl -u ${MARK} x`].slice(0, 2),
    expect.not.stringContaining('hunter2'),
  ]);
  const plain = ['ls', "it's", 'é', ''];
  expect(shell.redactArguments(plain)).toBe(plain);
});

test('parameters of a statement that stand where a secret would are redacted', () => {
  const { mysql, postgres } = redactors;
  const insert = Buffer.from('INSERT INTO users (name, password, n) VALUES (?, ?, ?)');
  expect(mysql.redactParameters('["bob","hunter2",12345678901234567890]', insert)).toBe(
    `["bob","${MARK}",12345678901234567890]`,
  );
  expect(mysql.redactParameters('[["bob","hunter2",1],["ann","x2",2],{"rows":3}]', insert)).toBe(
    `[["bob","${MARK}",1],["ann","${MARK}",2],{"rows":3}]`,
  );
  const select = Buffer.from('SELECT * FROM u WHERE id = $2 AND password = crypt($1, password)');
  expect(postgres.redactParameters('["hunter2",7]', select)).toBe(`["${MARK}",7]`);
  expect(postgres.redactParameters('["a",7]', Buffer.from('SELECT $1, $2'))).toBe('["a",7]');
  expect(postgres.redactParameters('[null]', select)).toBe('[null]');
  const token = 'ghp_abcdefghijklmnopqrstuvwxyz0123456789';
  expect(postgres.redactParameters(`["${token}"]`, Buffer.from('SELECT $1'))).toBe(`["${MARK}"]`);
});

test('a message of the server does not quote the secret of its statement', () => {
  const { mysql, postgres } = redactors;
  const bad = Buffer.from("CREATE USER x IDENTIFIED BYY 'hunter2' foo");
  const near = "You have an error in your SQL syntax; near 'BYY 'hunter2' foo' at line 1";
  expect(mysql.redactMessage(Buffer.from(near), bad).toString()).toBe(
    `You have an error in your SQL syntax; near '${MARK}' at line 1`,
  );
  const role = Buffer.from("ALTER ROLE x PASSWORD 'hunter2' 'hunter3'");
  const at = Buffer.from('syntax error at or near "\'hunter3\'"');
  expect(postgres.redactMessage(at, role).toString()).toBe(`syntax error at or near "${MARK}"`);
  const other = Buffer.from('relation "t" does not exist');
  expect(postgres.redactMessage(other, Buffer.from('SELECT * FROM t'))).toBe(other);
});

test('own rules: groups are secret, or all where there is none; bytes that are no UTF-8 are kept', () => {
  const rules = [
    { keyword: 'TICKET', pattern: 'TICKET-([0-9]+)-([a-z]+)' },
    { keyword: 'é', pattern: 'é+[0-9]+' },
  ];
  const redactor = createRedactor({ dialect: 'shell', rules });
  const bytes = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('TICKET-12-ab éé3 TICKET-')]);
  expect(redactor.redact(bytes).toString('latin1')).toBe(
    `\xff\xfeTICKET-${MARK}-${MARK} ${MARK} TICKET-`,
  );
  const other = Buffer.from('ticket-12-ab');
  expect(redactor.redact(other)).toBe(other);
});

test('an own rule that cannot be used is refused with its reason', () => {
  const rules = [{ keyword: 'abc', pattern: '(?<=a)b' }];
  expect(() => createRedactor({ dialect: 'shell', rules })).toThrow(
    /redaction.rules: is no regular/,
  );
});

test('a keyword is found at any place of the memory, at the begin and the end of a text', () => {
  const samples: Readonly<Record<string, string>> = {
    ...{ [AFTER]: ' ', [BEFORE]: ' ', [GAP]: ' ', [MORE]: 's', [WORD]: 'x' },
  };
  const sample = (keyword: string) => [...keyword].map((c) => samples[c] ?? c).join('');
  const filter = new Prefilter(KEYWORDS.shell);
  const anywhere = KEYWORDS.shell.filter((keyword) => !keyword.startsWith(START));
  const words = [...anywhere.map(sample), 'h://u', 'https://u'];
  const starts = KEYWORDS.shell
    .filter((keyword) => keyword.startsWith(BEFORE) || keyword.startsWith(START))
    .map((keyword) => sample(keyword.slice(1)));
  const memory = Buffer.alloc(256, '~');
  const missed = [...words, ...starts.map((word) => `${word}~`)].flatMap((word) =>
    Array.from({ length: 16 }, (_, i) => i).flatMap((i) => {
      const before = starts.some((start) => word === `${start}~`) ? 0 : i >> 2;
      memory.fill('~');
      const at = 32 + (i & 3);
      memory.write(i & 1 ? word.toUpperCase() : word, at + before, 'latin1');
      const text = (behind: number) => memory.subarray(at, at + before + word.length + behind);
      return filter.has(text(0)) && filter.has(text(9)) ? [] : [{ word, i }];
    }),
  );
  expect(missed).toEqual([]);
});

describe('a redactor that fails', () => {
  const fail = (): never => {
    throw new Error('hunter2');
  };
  const broken = { isClean: fail, redact: fail, mask: fail, redactMessage: fail };
  const failures: unknown[] = [];
  const safe = guarded({ ...broken, redactArguments: fail, redactParameters: fail }, (error) =>
    failures.push(error),
  );
  const text = Buffer.from('mysql -phunter2');

  test('gives a mark in the place of the whole text, and says so', () => {
    expect(safe.isClean(text, 0, text.length)).toBe(false);
    expect(safe.redact(text).toString()).toBe(MARK);
    expect(safe.redactMessage(text, text).toString()).toBe(MARK);
    expect(safe.redactArguments(['a', 'hunter2'])).toEqual([MARK]);
    expect(safe.redactParameters('["hunter2"]', text)).toBe(`["${MARK}"]`);
    expect(safe.mask(text).toString()).toBe('*'.repeat(text.length));
    expect(failures).toHaveLength(5);
  });
});
