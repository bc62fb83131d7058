/**
 * Finds `key=value` in the text of a record, without copying: of the keys that are asked for it keeps where
 * their values are. Values are `plain`, `"quoted"` or, of messages, `'anything up to the last apostrophe'`.
 */

const SPACE = 0x20;
const QUOTE = 0x22;
const APOSTROPHE = 0x27;
const EQUALS = 0x3d;
/** auditd puts names for numbers (`UID="root"`) behind this one (log_format = ENRICHED). */
export const ENRICHED = 0x1d;

/** A power of two well above the number of keys. */
const SLOTS = 256;
const ABSENT = -1;

export class Fields {
  /** Where the value of each key begins, by the key's index: -1 where it is not there. Quotes included. */
  readonly start: Int32Array;
  /** Behind the value. */
  readonly end: Int32Array;
  readonly #keys: readonly Uint8Array[];
  readonly #slots = new Int16Array(SLOTS).fill(ABSENT);

  constructor(keys: readonly string[]) {
    this.#keys = keys.map((key) => Buffer.from(key, 'latin1'));
    this.start = new Int32Array(keys.length).fill(ABSENT);
    this.end = new Int32Array(keys.length);
    this.#keys.forEach((key, index) => {
      let slot = key.reduce(mix, 0) & (SLOTS - 1);
      while (this.#slots[slot] !== ABSENT) slot = (slot + 1) & (SLOTS - 1);
      this.#slots[slot] = index;
    });
  }

  /**
   * Look at the fields from `at` to `end`; of a key that comes twice the last one counts.
   * @returns false where a quote is not closed: its value goes on to the end
   */
  scan(bytes: Uint8Array, at: number, end: number): boolean {
    const { start: starts, end: ends } = this;
    starts.fill(ABSENT);
    let whole = true;
    while (at < end) {
      let byte = bytes[at] ?? 0;
      if (byte === SPACE) {
        at++;
        continue;
      }
      if (byte === ENRICHED) break;
      const key = at;
      let hash = 0;
      while (byte !== EQUALS && byte !== SPACE) {
        hash = mix(hash, byte);
        if (++at === end) return whole; // a word at the end that is no field
        byte = bytes[at] ?? 0;
      }
      if (byte === SPACE) continue;
      const index = this.#find(hash, bytes, key, at);
      const value = ++at;
      byte = at < end ? (bytes[at] ?? 0) : SPACE;
      if (byte === QUOTE) {
        at++;
        while (at < end && bytes[at] !== QUOTE) at++;
        if (at < end) at++;
        else whole = false;
      } else if (byte === APOSTROPHE) {
        const last = closing(bytes, at, end);
        if (last === at) whole = false;
        at = last === at ? end : last + 1;
      } else {
        while (at < end && byte !== SPACE && byte !== ENRICHED) byte = bytes[++at] ?? 0;
      }
      if (index === ABSENT) continue;
      starts[index] = value;
      ends[index] = at;
    }
    return whole;
  }

  #find(hash: number, bytes: Uint8Array, from: number, to: number): number {
    let slot = hash & (SLOTS - 1);
    for (;;) {
      const index = this.#slots[slot] ?? ABSENT;
      if (index === ABSENT) return ABSENT;
      const key = this.#keys[index];
      if (key !== undefined && key.length === to - from) {
        let i = 0;
        while (i < key.length && key[i] === bytes[from + i]) i++;
        if (i === key.length) return index;
      }
      slot = (slot + 1) & (SLOTS - 1);
    }
  }
}

function mix(hash: number, byte: number): number {
  return (Math.imul(hash, 31) + byte) | 0;
}

/** The last apostrophe before what auditd has added; `at` where there is no other. */
function closing(bytes: Uint8Array, at: number, end: number): number {
  let last = at;
  for (let i = at + 1; i < end && bytes[i] !== ENRICHED; i++) if (bytes[i] === APOSTROPHE) last = i;
  return last;
}
