/** What a program's own options and operands hold of secrets: shell-programs.ts says which. */
import { isPlainValue, isSecretName } from './names.ts';
import type { Program, UserOption } from './program.ts';
import { addPart, lastPart, type Word } from './shell-words.ts';
import type { SpanSink } from './spans.ts';

const MAX_NAME = 64;
/** `docker run --name mongo -p 27017:27017` */
const PORTS = /^(?:[\d.]{1,15}:)?\d{1,5}:\d{1,5}(?:\/\w{1,4})?$/;

/** @param words the program's name and what follows it */
export function findOptions(program: Program, words: readonly Word[], sink: SpanSink): void {
  const rest = words.slice(1);
  const has = (wanted: string) => rest.some(({ value }) => value === wanted);
  if (program.only !== undefined && !has(program.only)) return;
  const operands: Word[] = [];
  let isBehind = false;
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i] as Word;
    const before = rest[i - 1]?.value ?? '';
    isBehind ||= program.behind?.includes(before) === true;
    const isNext =
      program.before?.includes(before) ||
      program.beforeTwo?.some((name) => name === before || name === rest[i - 2]?.value);
    if (isBehind || isNext || (program.named && isNamed(before))) addSecret(word, 0, sink);
    if (program.hosts) findHost(word, sink);
    for (const user of program.users ?? []) findUser(user, program.flags ?? '', rest, i, sink);
    if (program.prefix && word.value.startsWith(program.prefix))
      addSecret(word, program.prefix.length, sink);
    if (word.value.startsWith('-') && word.value.length > 1) {
      findShort(program, rest, i, sink);
    } else if (program.wraps && !takesValue(program, before) && !isLetter(program, before)) return;
    else if (!takesValue(program, before)) {
      operands.push(word);
      if (program.fields) findField(program.fields, word, sink);
    }
  }
  if (program.operandsAfter === undefined || has(program.operandsAfter))
    findOperands(program, rest, operands, sink);
}

const isLetter = ({ secret = '' }: Program, option: string): boolean =>
  /^-\w+$/.test(option) && secret.includes(option.at(-1) ?? '');

const takesValue = ({ values = '', longValues = [] }: Program, option: string): boolean =>
  longValues.includes(option) || (/^-\w+$/.test(option) && values.includes(option.at(-1) ?? ''));

/** `secret_access_key`, `/app/db/password`; no option, for those are looked at elsewhere. */
const isNamed = (word: string): boolean =>
  /^\w.*[/_.]|^\/|^pass/.test(word) && !word.includes('=') && isSecretName(lastPart(word));

/** Where the value of a letter begins in `-xwX`; null where none of the letters is an option there. */
function valueAt(word: string, letters: string, flags: string): number | null {
  if (!word.startsWith('-') || word.startsWith('--')) return null;
  for (let at = 1; at < word.length; at++) {
    const letter = word[at] ?? '';
    if (letters.includes(letter)) return at + 1;
    if (!flags.includes(letter)) return null;
  }
  return null;
}

function findShort(program: Program, words: readonly Word[], i: number, sink: SpanSink): void {
  const word = words[i] as Word;
  const at = valueAt(word.value, program.secret ?? '', program.flags ?? '');
  if (at === null) return;
  if (at < word.value.length) addSecret(word, word.value[at] === '=' ? at + 1 : at, sink);
  else if (!program.attached && !PORTS.test(words[i + 1]?.value ?? '')) addNext(words[i + 1], sink);
}

function addNext(word: Word | undefined, sink: SpanSink): void {
  if (word) addSecret(word, 0, sink);
}

function findUser(
  { options, letters = '', separator, except }: UserOption,
  flags: string,
  words: readonly Word[],
  i: number,
  sink: SpanSink,
): void {
  const word = words[i] as Word;
  const next = words[i + 1];
  const at = valueAt(word.value, letters, flags);
  if (at !== null && at < word.value.length) addBehind(word, at, separator, sink, except);
  else if ((at !== null || options.includes(word.value)) && next)
    addBehind(next, 0, separator, sink, except);
  const equals = word.value.indexOf('=');
  if (equals > 0 && options.includes(word.value.slice(0, equals)))
    addBehind(word, equals + 1, separator, sink, except);
}

function findOperands(
  { operands: which, operandsWith, logon }: Program,
  words: readonly Word[],
  operands: readonly Word[],
  sink: SpanSink,
): void {
  if (logon) for (const word of operands) findLogon(word, sink);
  if (!which || operands.length < which.least) return;
  const isAsked = (word: Word) =>
    /^-\w+$/.test(word.value) && word.value.includes(operandsWith ?? '');
  if (operandsWith !== undefined && !words.some(isAsked)) return;
  for (const at of which.at) addNext(operands.at(at), sink);
}

/** `NAME=X` */
function findField(name: RegExp, word: Word, sink: SpanSink): void {
  const equals = word.value.indexOf('=');
  if (equals > 0 && name.test(word.value.slice(0, equals))) addSecret(word, equals + 1, sink);
}

/** `user:password@host`, `domain/user:password@host:port` */
const USER_AT_HOST = /^[^:@\s?&=]{1,128}:([^\s]{1,128})@[\w.-]{1,255}(?::\d{1,5})?\/?$/;

function findHost(word: Word, sink: SpanSink): void {
  if (word.value.length > 1024 || word.value.includes('://')) return;
  const secret = USER_AT_HOST.exec(word.value)?.[1];
  if (secret === undefined || isPlainValue(secret)) return;
  const from = word.value.indexOf(':') + 1;
  addPart(word, from, from + secret.length, sink);
}

/** `user/password@database` */
function findLogon(word: Word, sink: SpanSink): void {
  const slash = word.value.indexOf('/');
  if (slash <= 0 || /^[.~]|\/.*\//.test(word.value.slice(0, 256))) return;
  const at = word.value.lastIndexOf('@');
  const end = at > slash ? at : word.value.length;
  if (!isPlainValue(word.value.slice(slash + 1, end))) addPart(word, slash + 1, end, sink);
}

/** A secret from a character of a word on, if it is one. */
export function addSecret(word: Word, from: number, sink: SpanSink): void {
  if (!isPlainValue(word.value.slice(from))) addPart(word, from, word.value.length, sink);
}

/** What stands behind the first separator. */
export function addBehind(
  word: Word,
  from: number,
  separator: string,
  sink: SpanSink,
  except?: RegExp,
): void {
  const at = word.value.indexOf(separator, from);
  if (at >= 0 && !except?.test(word.value.slice(from, Math.min(at, from + MAX_NAME))))
    addSecret(word, at + 1, sink);
}
