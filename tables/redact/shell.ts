/**
 * Secrets in a shell's text: assignments, options, what is piped into a program that reads a password, and what
 * stands in words that are texts of their own: another shell's command, SQL.
 */
import { isPlainValue, isRandomKey, isSecretName, isSecretPair } from './names.ts';
import { findPairs } from './pairs.ts';
import { addBehind, addSecret, findOptions } from './shell-options.ts';
import { type Command, type Part, parseShell } from './shell-parser.ts';
import { programOf } from './shell-programs.ts';
import { DEAF, readsSecret } from './shell-readers.ts';
import { lastPart, partsOf, type Word } from './shell-words.ts';
import { type SpanSink, shifted } from './spans.ts';

/** Looks into a text that stands in another one. */
export type Nested = (text: string, sink: SpanSink) => void;

const ASSIGNMENT = /^[A-Za-z_]\w*\+?=/;
const MAX_NAME = 128;
/** Pipes that a secret is followed through. */
const MAX_PIPES = 8;
/** A way to give a secret to openssl. */
const KIND = /^(?:pass|literal):/;
const ELSEWHERE = /^(?:env|file|fd):|^(?:stdin|prompt)$/;
/** What may stand before a program. */
const LEADING = new Set(['sudo', 'doas', 'command', 'builtin', 'exec', 'env', 'nohup', 'time']);
const PRINTS = new Set(['echo', 'printf', 'print', 'cat', 'yes', 'tee', '{', '}']);
/** Words that a value of another kind follows: `config set NAME VALUE`. */
const SETS = new Set(['set', 'setenv', 'config', '--global', '--add', '-gx', '-x', '-Ux', '-g']);
/** Such a name is a URL's, or a text's. */
const NO_NAME = /^$|[?&\t\r\n "']/;
/** Commands of csh and fish, whose next word is a variable. */
const SETTERS = new Set(['set', 'setenv']);
/** Where printf puts an argument, and the name of it that stands before. */
const PLACE = /%[-\d.]{0,8}[sqb]/g;
const NAMED_PLACE = /([\w.-]+)["']?[ \t]*[=:][ \t]*["']?$/;
const MAX_FORMAT = 4096;
/** Programs that one command names. */
const MAX_PROGRAMS = 8;
/** `--password-command 'echo X'` */
const COMMAND = /^--?[\w-]*(?:pass\w*|token|secret)-(?:command|cmd)(?:=|$)/;
const ECHOES = /^[ \t]*(?:\/bin\/)?(?:echo|printf)[ \t]+/;
const WHITE = /[ \t\r\n;|&]/;

export function findInShell(text: string, sink: SpanSink, nested: Nested): void {
  const { commands, comments } = parseShell(text);
  for (const part of comments) inPart(text, part, sink, nested);
  for (const command of commands) findInCommand(text, command, sink, nested);
}

function inPart(text: string, { start, end }: Part, sink: SpanSink, nested: Nested): void {
  nested(text.slice(start, end), shifted(sink, start));
}

function findInCommand(text: string, command: Command, sink: SpanSink, nested: Nested): void {
  const { words, documents, strings } = command;
  for (const part of documents) inPart(text, part, sink, nested);
  for (const word of [...words, ...strings]) findInWord(word, sink, nested);
  findNamed(words, sink);
  findPrograms(words, sink);
  findPrinted(words, sink);
  findEchoes(words, sink);
  const values = words.slice(0, MAX_NAME).map(({ value }) => value);
  const form = readsSecret(values);
  if (form !== null) findInput(text, command, form, sink);
}

/** What stands in one word alone. */
function findInWord(word: Word, sink: SpanSink, nested: Nested): void {
  const { value } = word;
  const equals = value.indexOf('=');
  const name = equals > 0 && equals <= MAX_NAME ? value.slice(0, equals) : '';
  const isSecret = (text: string) => isSecretPair(name, text) || isRandomKey(name, text);
  if (!NO_NAME.test(name) && isSecret(value.slice(equals + 1))) addSecret(word, equals + 1, sink);
  // Its quotes are gone here: what stands in them is found where another quote hides it in the text.
  if (word.places) {
    const from = /^-[A-Za-z]/.test(value) ? 2 : 0; // -HName:\ value
    findPairs(value.slice(from), partsOf(word, from, sink));
  }
  if (!WHITE.test(value)) return;
  const from = ASSIGNMENT.exec(value)?.[0].length ?? 0;
  nested(value.slice(from), partsOf(word, from, sink));
}

/** `--token X`, `set SECRET X` */
function findNamed(words: readonly Word[], sink: SpanSink): void {
  const bare = bareOptions(words);
  for (let i = 0; i + 1 < words.length; i++) {
    const { value } = words[i] as Word;
    const next = words[i + 1] as Word;
    const isOption = /^--?[A-Za-z][\w.-]{2,}$/.test(value);
    const before = words[i - 1]?.value ?? '';
    const isSet =
      !isOption &&
      (SETS.has(before)
        ? /[_.]|[a-z][A-Z]/.test(value) || SETTERS.has(words[0]?.value ?? '')
        : false);
    if (!isOption && !isSet) continue;
    if (bare.has(value) || value.length > MAX_NAME || !isSecretPair(value, next.value)) continue;
    if (isOption && /^-[\w-]+$/.test(next.value)) continue;
    addNamed(next, sink);
  }
}

function addNamed(word: Word, sink: SpanSink): void {
  if (ELSEWHERE.test(word.value)) return;
  addSecret(word, KIND.exec(word.value)?.[0].length ?? 0, sink);
}

function bareOptions(words: readonly Word[]): ReadonlySet<string> {
  for (const { value } of words) {
    const bare = programOf(value)?.flatMap((program) => program.bare ?? []);
    if (bare !== undefined && bare.length > 0) return new Set(bare);
  }
  return new Set();
}

/** Each program's own options: a name may also be a user's, so that what follows it is looked at for both. */
function findPrograms(words: readonly Word[], sink: SpanSink): void {
  const first = words.find(({ value }) => !ASSIGNMENT.test(value) && value !== 'sudo');
  if (first && DEAF.has(lastPart(first.value))) return;
  let left = MAX_PROGRAMS;
  for (const [i, { value }] of words.entries()) {
    const programs = programOf(value);
    if (programs && left-- > 0)
      for (const program of programs) findOptions(program, words.slice(i), sink);
  }
}

function findEchoes(words: readonly Word[], sink: SpanSink): void {
  for (const [i, { value }] of words.entries()) {
    const option = COMMAND.exec(value.slice(0, MAX_NAME))?.[0];
    if (option === undefined) continue;
    const word = option.endsWith('=') ? words[i] : words[i + 1];
    const from = option.endsWith('=') ? option.length : 0;
    const echo = ECHOES.exec(word?.value.slice(from, from + MAX_NAME) ?? '')?.[0];
    if (word && echo !== undefined) addSecret(word, from + echo.length, sink);
  }
}

/** `printf -v PASSWORD %s X`, `printf 'password=%s' X` */
function findPrinted(words: readonly Word[], sink: SpanSink): void {
  const at = words.findIndex(({ value }) => value === 'printf');
  if (at < 0 || at > 1) return;
  const isVariable = words[at + 1]?.value === '-v';
  const first = at + (isVariable ? 4 : 2);
  const isAll = isVariable && isSecretName(words[at + 2]?.value ?? '');
  const format = words[first - 1]?.value.slice(0, MAX_FORMAT) ?? '';
  for (const [n, { index }] of [...format.matchAll(PLACE)].entries()) {
    const name = NAMED_PLACE.exec(format.slice(Math.max(0, index - MAX_NAME), index))?.[1] ?? '';
    const word = words[first + n];
    if (word && (isAll || isSecretName(name))) addSecret(word, 0, sink);
  }
}

/** What a program reads a secret from: what is printed into it, a here-document, a string. */
function findInput(text: string, command: Command, form: 'secret' | 'user', sink: SpanSink): void {
  const add = (word: Word) =>
    form === 'user' ? addBehind(word, 0, ':', sink) : addLine(word, sink);
  const sources = sourcesOf(command);
  for (const word of command.strings) add(word);
  for (const { words, strings } of sources) {
    for (const word of strings) add(word);
    const isFormat = words[0]?.value === 'printf' && words[1]?.value.includes('%');
    for (const word of words.slice(isFormat ? 2 : 1))
      if (isFormat) addLine(word, sink);
      else if (!/^-[neE]+$|^echo$|^printf$/.test(word.value)) add(word);
  }
  for (const { start, end } of [command, ...sources].flatMap(({ documents }) => documents))
    addLines(text, start, end, form, sink);
}

/** What prints into a command, also through others. */
function sourcesOf({ source }: Command, depth = 0): Command[] {
  if (depth === MAX_PIPES) return [];
  const printing = source.map(fromProgram).filter(({ words }) => PRINTS.has(words[0]?.value ?? ''));
  return printing.flatMap((command) => [command, ...sourcesOf(command, depth + 1)]);
}

/** The command from its program on: `A=b sudo /bin/echo X` prints as `echo X` does. */
function fromProgram(command: Command): Command {
  const { words } = command;
  const at = words.findIndex(({ value }) => !ASSIGNMENT.test(value) && !LEADING.has(value));
  const [program, ...rest] = at < 0 ? [] : words.slice(at);
  if (!program) return command;
  const value = lastPart(program.value);
  return { ...command, words: [{ ...program, value }, ...rest] };
}

/** `%s\n` of printf is none. */
function addLine(word: Word, sink: SpanSink): void {
  if (!/^(?:%s|\\n|\\r|\n)*$/.test(word.value)) addSecret(word, 0, sink);
}

function addLines(
  text: string,
  start: number,
  end: number,
  form: 'secret' | 'user',
  sink: SpanSink,
): void {
  for (let line = start; line < end; ) {
    const newline = text.indexOf('\n', line);
    const stop = newline < 0 || newline > end ? end : newline;
    const colon = form === 'user' ? text.indexOf(':', line) : line - 1;
    const from = colon < 0 || colon > stop ? stop : colon + 1;
    if (!isPlainValue(text.slice(from, stop))) sink.add(from, stop);
    line = stop + 1;
  }
}
