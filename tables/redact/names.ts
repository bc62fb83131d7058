/** Names that tell that their value is a secret, and values that are none. Pure. */

/** Longer names are told by their end. */
const MAX_NAME = 64;
/** A key of random characters is no shorter, and no longer. */
const MIN_KEY = 20;
const MAX_KEY = 512;
/** Longer values are no word such as `true`. */
const MAX_PLAIN_VALUE = 256;

/** A part of a name that is the secret's kind by itself: `DB_PASSWORD`, `access-token`, `pgpassword`. */
const SECRET_PART =
  /^(?:pass|pwd|pw|psk|bearer|credentials?|authorization|signature|sig)$|(?:passw(?:or[dt]|d)|passphrase|passcode|passkey|secret|token|dbpass|credential|api_?key|authkey|accesskey|privatekey|secretkey|accountkey|(?:ssh|store|key|user|bind|require|ftp)pass|(?:bind|root|admin)pw|masterauth)$/;
/** A part that makes a key of `…_KEY` secret. */
const SECRET_KEY_PART =
  /^(?:api|access|secret|private|account|signing|master|encryption|auth|storage|shared|service|jwt|hmac|subscription|functions)$/;
/** Parts that tell that the value is about a secret, and none itself: behind the secret's name, and before it. */
const HARMLESS_BEHIND =
  /^(?:file|files|filename|path|dir|url|uri|name|names|id|ids|len|length|min|max|type|kind|count|expir\w*|ttl|policy|hint|prompt|ask|field|column|col|algorithm|algo|format|version|age|history|lifetime|encryption|enabled|disabled|required|authentication|change[ds]?|updated|created|at|on|date|time|timeout|interval|strength|check|mode|status|stdin|fd|command|cmd|script|label|title|placeholder|manager|store|helper|size|limit|limits|regex|pattern|rotation|plugin|method|provider|link|endpoint|server|host|port|issuer|audience|scopes?|list|validate|retries|bucket)$/;
const HARMLESS_BEFORE =
  /^(?:no|min|max|num|count|length|has|is|show|hide|forgot|validate|public|generate|random|require|allow|ask|prompt|file|path|stdin)$/;

/** `dbPassword`, `DB_PASSWORD` and `db-password` to db, password. */
function partsOf(name: string): string[] {
  return name
    .slice(-MAX_NAME)
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z\d]+/)
    .map((part) => part.replace(/\d+$/, ''))
    .filter((part) => part !== '');
}

/** Names of MySQL's: a column, and the variable of its manual's examples. */
const ALONE = /^@?(?:authentication_string|key_str)$/i;
/** In every name of a secret, so that most names are not looked at. */
const IN_SECRET = /pass|pw|psk|secret|token|key|cred|auth|bearer|sig/i;

/** Whether a variable, option, column or field of this name holds a secret. */
export function isSecretName(name: string): boolean {
  if (name.length < 2 || !IN_SECRET.test(name.slice(-MAX_NAME))) return false;
  if (ALONE.test(name)) return true;
  const parts = partsOf(name);
  const at = parts.findIndex(
    (part, i) =>
      SECRET_PART.test(part) ||
      (part === 'key' && SECRET_KEY_PART.test(parts[i - 1] ?? '')) ||
      (part === 'auth' && i === parts.length - 1 && /_auth$/i.test(name)),
  );
  return at >= 0 && !parts.some((part, i) => i !== at && isHarmlessPart(parts, part, i, at));
}

function isHarmlessPart(parts: readonly string[], part: string, i: number, at: number): boolean {
  // `encryption` in front of `key` is what makes it a secret.
  if (i === at - 1 && parts[at] === 'key') return false;
  return (i < at ? HARMLESS_BEFORE : HARMLESS_BEHIND).test(part);
}

/** Whether a name and its value are a secret. */
export function isSecretPair(name: string, value: string): boolean {
  if (!isSecretName(name) || isPlainValue(value)) return false;
  return !(/(?:key|credentials?)$/i.test(name.slice(-MAX_NAME)) && looksLikePath(value));
}

/** `STRIPE_KEY=…`: of any key, if its value is no word that a person would choose. */
export function isRandomKey(name: string, value: string): boolean {
  if (!/^[A-Z][A-Z\d_]*_KEY$/.test(name.slice(-MAX_NAME)) || /PUBLIC|PUB_/.test(name)) return false;
  if (value.length > MAX_KEY || !/^[\w+/=.-]*$/.test(value)) return false;
  if (/^[\da-f]{32,}$/i.test(value)) return true;
  return value.length >= MIN_KEY && [/\d/, /[a-z]/, /[A-Z]/].every((kind) => kind.test(value));
}

/** A path, as far as one can be told from a key: base64 has `+`, `=` and no dots or tildes. */
const looksLikePath = (value: string): boolean =>
  value.length <= 4096 &&
  /^(?:~|\.{1,2})?\/[\w./~-]*(?:,\w+=[\w,=]*)?$/.test(value) &&
  /\.|^~|^\/(?:etc|home|root|opt|var|run|srv|tmp|usr)\//.test(value);

const PLAIN_VALUE =
  /^(?:|true|false|yes|no|on|off|null|none|nil|undefined|default|prompt|ask|-|\*+|x{3,}|\?|%s|\$\w+|\$\{\w+\}|\$\(\)?|\$\((?!echo|print)[^()]*\)|\{\{[^{}]*\}\}|<[\w .-]*>|\.\.\.)$/i;

/** A switch, a placeholder or a reference to what is somewhere else. */
export const isPlainValue = (value: string): boolean =>
  value.length <= MAX_PLAIN_VALUE && PLAIN_VALUE.test(value);
