/**
 * Records that are an event by themselves: what programs send (USER_LOGIN …), what the kernel says of itself
 * (CONFIG_CHANGE …), and those of security modules. Programs put theirs into msg='…'; what is before it is the kernel's.
 */
import { cutText, toText } from '../events/text.ts';
import { ENRICHED, Fields } from './fields.ts';
import { numberField, textField } from './records.ts';
import { decimal, encodedText, id, keyText, wordText } from './values.ts';

export interface Message {
  readonly type: number;
  /** The text of msg='…', or of the whole record where there is none. */
  readonly text: string;
  readonly pid: number | null;
  readonly uid: number | null;
  readonly auid: number | null;
  readonly session: number | null;
  readonly operation: string | null;
  readonly account: string | null;
  readonly exe: string | null;
  readonly comm: string | null;
  readonly command: string | null;
  readonly cwd: string | null;
  readonly hostname: string | null;
  readonly address: string | null;
  readonly terminal: string | null;
  /** success or failed. */
  readonly result: string | null;
  readonly key: string | null;
}

// biome-ignore format: a list of words
const KEYS = ['pid', 'uid', 'auid', 'ses', 'msg', 'op', 'acct', 'exe', 'comm', 'cmd', 'cwd', 'hostname', 'addr',
  'terminal', 'tty', 'res', 'result', 'key', 'laddr', 'operation'] as const;
const K = Object.fromEntries(KEYS.map((key, i) => [key, i])) as {
  readonly [N in (typeof KEYS)[number]]: number;
};

const APOSTROPHE = 0x27;

export class MessageDecoder {
  readonly #outer = new Fields(KEYS);
  readonly #inner = new Fields(KEYS);
  readonly #maxText: number;

  constructor(maxText: number) {
    this.#maxText = maxText;
  }

  decode(type: number, bytes: Buffer, at: number, end: number): Message {
    const outer = this.#outer;
    const inner = this.#inner;
    outer.scan(bytes, at, end);
    let from = at;
    let to = end;
    const enriched = bytes.subarray(at, end).lastIndexOf(ENRICHED);
    if (enriched >= 0) to = at + enriched;
    const message = outer.start[K.msg] ?? -1;
    if (message >= 0) {
      from = message;
      to = outer.end[K.msg] ?? end;
      if (bytes[from] === APOSTROPHE) {
        from++;
        if (to > from && bytes[to - 1] === APOSTROPHE) to--;
      }
      inner.scan(bytes, from, to);
    } else inner.scan(bytes, at, at);
    const text = (key: number, of: typeof wordText) =>
      textField(inner, key, bytes, of) ?? textField(outer, key, bytes, of);
    return {
      type,
      text: toText(cutText(bytes.subarray(from, to), this.#maxText)),
      pid: numberField(outer, K.pid, bytes, decimal),
      uid: numberField(outer, K.uid, bytes, id),
      auid: numberField(outer, K.auid, bytes, id),
      session: numberField(outer, K.ses, bytes, id),
      operation: text(K.op, wordText) ?? text(K.operation, wordText),
      account: text(K.acct, encodedText),
      exe: text(K.exe, encodedText),
      comm: text(K.comm, encodedText),
      command: text(K.cmd, encodedText),
      cwd: text(K.cwd, encodedText),
      hostname: text(K.hostname, wordText),
      address: text(K.addr, wordText) ?? text(K.laddr, wordText),
      terminal: text(K.terminal, wordText) ?? text(K.tty, wordText),
      result: result(text(K.res, wordText) ?? text(K.result, wordText)),
      key: textField(outer, K.key, bytes, keyText),
    };
  }
}

/** Kernel and programs have different words for it. */
function result(word: string | null): string | null {
  switch (word) {
    case '1':
    case 'yes':
      return 'success';
    case '0':
    case 'no':
    case 'fail':
      return 'failed';
    default:
      return word;
  }
}
