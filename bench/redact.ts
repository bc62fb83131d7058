/**
 * What redaction costs: CPU time a text, for texts that hold no secret (nearly all), for some that do, and for a
 * megabyte. Texts lie in one memory at any alignment, as in the kernel's ring. Beside it the same keywords as one
 * regular expression over a string. Exit code 1 where the requirement is missed.
 */
import { KEYWORDS } from '../tables/redact/keywords.ts';
import { createRedactor, type Dialect } from '../tables/redact/redactor.ts';
import { type Finding, isMissed, table } from './lib/report.ts';

const ROUNDS = 9;
const COPIES = 256;
const US_PER_MS = 1000;
/** Of a text of 200 bytes without a secret: µs. */
const BAR_US = 0.15;

const PLAIN: Readonly<Record<Dialect, string>> = {
  shell:
    "find /var/log -name '*.gz' -mtime +7 -print0 | xargs -0 ls -l | sort -k5 -n | tail -20 && df -h /var && for i in 1 2 3; do echo $i; systemctl status nginx.service --no-pager | head -5; done; cd /usr",
  postgres:
    "SELECT o.id, o.total, c.name FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.created_at > '2026-01-01' AND o.status IN ('paid', 'shipped') ORDER BY o.created_at DESC LIMIT 50 OFFSET 100",
  mysql:
    "UPDATE `order_items` SET `quantity` = `quantity` + 1, `changed` = NOW() WHERE `order_id` = 4711 AND `item_id` IN (17, 23, 42) AND `state` <> 'shipped' AND `warehouse` = 'north-east-2' LIMIT 10 -- 2026",
};
const SECRET: Readonly<Record<Dialect, string>> = {
  shell: "mysql -uroot -phunter2 -h db1 shop -e 'SELECT count(*) FROM orders'",
  postgres: "ALTER ROLE bob WITH ENCRYPTED PASSWORD 'hunter2' VALID UNTIL 'infinity'",
  mysql: "CREATE USER 'bob'@'%' IDENTIFIED WITH caching_sha2_password BY 'hunter2'",
};
const MEGABYTE = 2 ** 20;

/** Copies one after the other, none where the one before was aligned. */
function spread(text: string): Buffer[] {
  const bytes = Buffer.from(text);
  const memory = Buffer.alloc(COPIES * (bytes.length + 8));
  return Array.from({ length: COPIES }, (_, i) => {
    const at = i * (bytes.length + 8) + (i % 4);
    bytes.copy(memory, at);
    return memory.subarray(at, at + bytes.length);
  });
}

/** µs of CPU a text, each round; the first round is to warm up. */
function measure(
  texts: readonly Buffer[],
  repeats: number,
  act: (text: Buffer) => unknown,
): number[] {
  const rounds = Array.from({ length: ROUNDS + 1 }, () => {
    const before = process.cpuUsage();
    for (let i = 0; i < repeats; i++) for (const text of texts) act(text);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / (repeats * texts.length);
  });
  return rounds.slice(1);
}

const escaped = (text: string): string =>
  text.replace(/[^\w ]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);

const findings: Finding[] = [];
for (const dialect of ['shell', 'postgres', 'mysql'] as const) {
  const redactor = createRedactor({ dialect });
  const texts = spread(PLAIN[dialect]);
  const bytes = texts[0]?.length ?? 0;
  findings.push({
    what: `${dialect}, ${bytes} bytes without a secret`,
    rounds: measure(texts, 1000, (text) => redactor.redact(text)),
    unit: 'µs',
    digits: 3,
    bar: BAR_US,
  });
  const pattern = new RegExp([...KEYWORDS[dialect], '://'].map(escaped).join('|'), 'i');
  findings.push({
    what: `${dialect}, the same as one regular expression`,
    rounds: measure(texts, 50, (text) => pattern.test(text.toString('latin1'))),
    unit: 'µs',
    digits: 3,
  });
  findings.push({
    what: `${dialect}, ${SECRET[dialect].length} bytes with a secret`,
    rounds: measure(spread(SECRET[dialect]), 5, (text) => redactor.redact(text)),
    unit: 'µs',
    digits: 1,
  });
  const long = Buffer.from(
    `${SECRET[dialect]}\n${`${PLAIN[dialect]};\n`.repeat(Math.ceil(MEGABYTE / bytes))}`.slice(
      0,
      MEGABYTE,
    ),
  );
  findings.push({
    what: `${dialect}, 1 MiB with a secret`,
    rounds: measure([long], 1, (text) => redactor.redact(text)).map((us) => us / US_PER_MS),
    unit: 'ms',
    digits: 0,
  });
}
const own = createRedactor({
  dialect: 'shell',
  rules: [{ keyword: 'TICKET-', pattern: 'TICKET-(\\d+)' }],
});
findings.push({
  what: 'shell, with an own rule',
  rounds: measure(spread(PLAIN.shell), 1000, (text) => own.redact(text)),
  unit: 'µs',
  digits: 3,
});

process.stdout.write(table(findings));
if (findings.some(isMissed)) process.exitCode = 1;
