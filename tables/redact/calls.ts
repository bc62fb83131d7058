/**
 * Secrets that are told by the words around them in languages that are not read here: calls in Python, PHP, Perl
 * and MongoDB's shell, directives of configuration files, files with a fixed order of fields. Pure, linear.
 */
import { isPlainValue } from './names.ts';
import type { SpanSink } from './spans.ts';

/** The last group of each is the secret, and the end of what matches. */
const FORMS: readonly RegExp[] = [
  // db.auth('user', '…') of MongoDB's shell
  /\b(?:auth|changeUserPassword)\([ \t]*(['"])[^'"\n]{0,255}\1[ \t]*,[ \t]*['"]([^'"\n]{1,255})/gi,
  // crypt.crypt("…"), password_hash("…")
  /\b(?:crypt|hashpw|password_hash|generate_password_hash|make_password)\([ \t]*[bru]?["']([^"'\n]{1,255})/g,
  // PowerShell
  /\bConvertTo-SecureString(?:[ \t]+-(?:String|AsPlainText|Force))*[ \t]+["']([^"'\n]{1,255})/gi,
  // SQLCipher
  /\bpragma[ \t]+(?:hex)?(?:re)?key[ \t]*=[ \t]*["']([^"'\n]{1,255})/gi,
  // .netrc
  /(?<!\w)(?:machine[ \t\n]+[^ \t\n]{1,255}|default)[ \t\n]+login[ \t\n]+[^ \t\n]{1,255}[ \t\n]+password[ \t\n]+([^ \t\n"']+)/g,
  // redis.conf, slapd.conf
  /(?<=^|[\n"'/])(?:requirepass|masterauth|rootpw|bindpw)[ \t]+([^ \t\n"'*][^ \t\n"'/*]*)(?=$|[ \t\n"'/])/g,
  // sshpass -f <(echo X), --token-file=<(printf %s X), private-key <(echo X)
  /(?:-[\w-]{0,64}(?:pass|token|secret|key)[\w-]{0,64}|\bprivate-key|\bsshpass[ \t]+-f)[= \t]{0,8}<\([ \t]*(?:echo|printf)[ \t]+(?:-\w+[ \t]+|["']?%s(?:\\n)?["']?[ \t]+)?["']?([^"')\s]+)/g,
];

/** host:port:database:user:password of libpq's password file. */
const PGPASS =
  /(?<![\w:])[^\s:'"]{0,255}:(?:\d{1,5}|\*):[^\s:'"]{1,64}:[^\s:'"]{1,64}:([^\s'"]{1,255})/g;
/** `user=bob%X` among the options of mount. */
const CIFS_USER = /\buser(?:name)?=[^%\s,"']{1,128}%([^\s,"']{1,255})/g;
/** What an expect script sends after it has seen a prompt for a password. */
const SENT = /\bsend[ \t]+(?:--[ \t]+)?["{]([^"\\}\n]{1,255})(?:\\+[rn]|$)/g;

export function findCalls(text: string, sink: SpanSink): void {
  for (const form of FORMS) find(form, text, sink);
  if (text.includes('.pgpass')) find(PGPASS, text, sink);
  if (text.includes('cifs')) find(CIFS_USER, text, sink);
  if (text.includes('expect') && /assword|assphrase/.test(text)) find(SENT, text, sink);
}

function find(form: RegExp, text: string, sink: SpanSink): void {
  for (const match of text.matchAll(form)) {
    const secret = match.at(-1) ?? '';
    if (isPlainValue(secret)) continue;
    const start = match.index + match[0].lastIndexOf(secret);
    sink.add(start, start + secret.length);
  }
}
