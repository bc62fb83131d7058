/** What a program's own options and operands hold of secrets: shell-programs.ts says which. */
import { isPlainValue } from './names.ts';
import type { Program, UserOption } from './shell-programs.ts';
import { addPart, type Word } from './shell-words.ts';
import type { SpanSink } from './spans.ts';

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
    if (isBehind || program.before?.includes(before)) addSecret(word, 0, sink);
    if (program.prefix && word.value.startsWith(program.prefix))
      addSecret(word, program.prefix.length, sink);
    if (word.value.startsWith('-') && word.value.length > 1) {
      findShort(program, rest, i, sink);
      for (const user of program.users ?? []) findUser(user, program.flags ?? '', rest, i, sink);
    } else if (program.wraps && !takesValue(program, before) && !isLetter(program, before)) return;
    else if (!takesValue(program, before)) operands.push(word);
  }
  if (program.operandsAfter === undefined || has(program.operandsAfter))
    findOperands(program, rest, operands, sink);
}

const isLetter = ({ secret = '' }: Program, option: string): boolean =>
  /^-\w+$/.test(option) && secret.includes(option.at(-1) ?? '');

const takesValue = ({ values = '' }: Program, option: string): boolean =>
  /^-\w+$/.test(option) && values.includes(option.at(-1) ?? '');

/** Where the value of a letter begins in `-xwX`; null where none of the letters is an option there. */
function valueAt(word: string, letters: string, flags: string): number | null {
  if (word.startsWith('--')) return null;
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
  { options, letters = '', separator }: UserOption,
  flags: string,
  words: readonly Word[],
  i: number,
  sink: SpanSink,
): void {
  const word = words[i] as Word;
  const next = words[i + 1];
  const at = valueAt(word.value, letters, flags);
  if (at !== null && at < word.value.length) addBehind(word, at, separator, sink);
  else if ((at !== null || options.includes(word.value)) && next)
    addBehind(next, 0, separator, sink);
  const equals = word.value.indexOf('=');
  if (equals > 0 && options.includes(word.value.slice(0, equals)))
    addBehind(word, equals + 1, separator, sink);
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
export function addBehind(word: Word, from: number, separator: string, sink: SpanSink): void {
  const at = word.value.indexOf(separator, from);
  if (at >= 0) addSecret(word, at + 1, sink);
}
