/** Messages of servers quote the statement that they are about: `syntax error at or near "…"`. Pure. */
import { MARK, type Spans } from './spans.ts';

/** A shorter secret is not looked for by itself, for it is in many words. */
const MIN_SECRET = 4;
/** Secrets that are looked for; a statement with more is no statement that a person writes. */
const MAX_SECRETS = 64;
/** What MySQL and PostgreSQL write before the part that they quote. */
const NEAR = /near ['"]/;

/** @param secrets where they stand in the statement */
export function redactQuoted(message: Buffer, statement: Buffer, secrets: Spans): Buffer {
  if (secrets.length === 0) return message;
  let text = message.toString('latin1');
  const near = NEAR.exec(text);
  if (near) {
    const from = near.index + near[0].length;
    const quote = text[from - 1] ?? '';
    const end = text.lastIndexOf(quote);
    text = text.slice(0, from) + MARK + (end >= from ? text.slice(end) : '');
  }
  for (let i = 0; i < Math.min(secrets.length, 2 * MAX_SECRETS); i += 2) {
    const secret = statement.toString('latin1', secrets[i], secrets[i + 1]);
    if (secret.length >= MIN_SECRET) text = text.split(secret).join(MARK);
  }
  const redacted = Buffer.from(text, 'latin1');
  return redacted.equals(message) ? message : redacted;
}
