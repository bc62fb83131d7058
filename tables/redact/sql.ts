/**
 * Secrets in SQL: passwords of roles, servers and replicas, keys of encryption, values of columns and settings
 * that are named after secrets, and what stands in strings that are texts of their own.
 */
import { isPlainValue, isSecretName } from './names.ts';
import { findPairs } from './pairs.ts';
import { mapped, type SpanSink, shifted } from './spans.ts';
import { SqlCursor } from './sql-cursor.ts';
import { KEYED, SECRET_ARGUMENTS, SHELL_FUNCTIONS } from './sql-functions.ts';
import { findInserted, findTuple } from './sql-insert.ts';
import { resolved, sqlTokens, type Token, type TokenOptions } from './sql-tokens.ts';

/** Looks into texts that stand in a string. */
export interface NestedSql {
  sql(text: string, sink: SpanSink): void;
  shell(text: string, sink: SpanSink): void;
}

const OPERATORS = ['=', ':=', '=>', '<>', '!=', '<', '>'];
const COMPARING = ['TO', 'LIKE', 'ILIKE', 'NOT', 'BINARY', 'BETWEEN', 'AGAINST'];
/** A function that is given a password: `change_password('bob', '…')`. */
const TAKES_PASSWORD = /(?:PASSWORD|PASSWD|PASSPHRASE)$/;
/** Words of `CREATE USER …` and `ALTER ROLE …` whose string is no secret: their grammars in both manuals. */
const ACCOUNT_WORDS: ReadonlySet<string> = new Set(
  'USER ROLE GROUP EXISTS UNTIL COMMENT ATTRIBUTE WITH VIA OR AND TO FOR IN DEFAULT ADMIN NAME REQUIRE ISSUER SUBJECT CIPHER ACCOUNT SET SCHEMA SYSID'.split(
    ' ',
  ),
);
/** A command whose output is a secret, which prints it itself. */
const PRINTS = /^[ \t]*(?:\/bin\/)?(?:echo|printf)[ \t]/;
/** A string that goes on to a secret outside of it: `'ALTER ROLE x PASSWORD ' || …`. */
const GOES_ON = /(?:passw(?:or)?d|identified by|[ =]by|token|secret|key)[ \t\n=:]*['"]*$/i;
/** A secret's place in the text of format(). */
const FORMATTED = /(?:passw(?:or)?d|[ ]by)[ \t\n=]*'?%[\d$]*[Ls]/i;
const MAX_CONCATENATED = 64;
/** Tokens of a type: `character varying(20) NOT NULL`. */
const MAX_TYPE = 8;
/** What may follow a password in CREATE USER; any other word may be one that is misspelt. */
const AFTER_IDENTIFIED = ['REQUIRE', 'ACCOUNT', 'COMMENT', 'ATTRIBUTE', 'DEFAULT', 'FOR', 'INTO'];

/** @returns numbers of the parameters that stand where a secret would */
export function findInSql(
  text: string,
  options: TokenOptions,
  sink: SpanSink,
  nested: NestedSql,
): Set<number> {
  const parameters = new Set<number>();
  const { tokens, comments } = sqlTokens(text, options);
  new SqlFinder(text, options, sink, nested, new SqlCursor(tokens, sink, parameters)).run();
  for (const { start, end } of comments) nested.sql(text.slice(start, end), shifted(sink, start));
  return parameters;
}

class SqlFinder {
  readonly #text: string;
  readonly #options: TokenOptions;
  readonly #sink: SpanSink;
  readonly #nested: NestedSql;
  readonly #cursor: SqlCursor;
  readonly #tokens: readonly Token[];
  /** Names of the calls that are open. */
  readonly #calls: string[] = [];
  /** The statement sets a password of an account. */
  #credentials = false;
  /** It makes or changes an account. */
  #account = false;
  /** Of `SET PASSWORD … = …`: all strings behind it. */
  #setting: 'no' | 'account' | 'value' = 'no';

  constructor(
    text: string,
    options: TokenOptions,
    sink: SpanSink,
    nested: NestedSql,
    cursor: SqlCursor,
  ) {
    this.#text = text;
    this.#options = options;
    this.#sink = sink;
    this.#nested = nested;
    this.#cursor = cursor;
    this.#tokens = cursor.tokens;
  }

  run(): void {
    for (const [i, token] of this.#tokens.entries()) {
      if (token.kind === 'symbol') this.#symbol(i, token.value);
      else if (token.kind === 'word') this.#word(i, token.value);
      else if (token.kind === 'name') this.#value(i, token.value);
      else if (token.kind === 'string') this.#string(i, token);
      if (token.kind === 'parameter' && this.#setting === 'value') this.#cursor.add(i);
    }
  }

  #symbol(i: number, symbol: string): void {
    if (symbol === '(') {
      this.#calls.push(this.#tokens[i - 1]?.value ?? '');
      findTuple(this.#cursor, i);
    } else if (symbol === ')') this.#calls.pop();
    else if (symbol === ';') {
      this.#credentials = false;
      this.#account = false;
      this.#setting = 'no';
    } else if (this.#setting === 'account' && (symbol === '=' || symbol === ':='))
      this.#setting = 'value';
  }

  #word(i: number, word: string): void {
    const cursor = this.#cursor;
    const isCall = cursor.isSymbol(i + 1, '(');
    const which = isCall ? SECRET_ARGUMENTS[this.#options.dialect].get(word) : undefined;
    if (which) cursor.addCall(i + 1, ...which);
    else if (isCall && TAKES_PASSWORD.test(word)) cursor.addPasswords(i + 1);
    if (word === 'IDENTIFIED') this.#identified(i + 1);
    else if (word === 'SET' && cursor.isWord(i + 1, 'PASSWORD')) this.#setting = 'account';
    else if (word === 'TO' && this.#setting === 'account') this.#setting = 'value';
    else if (word === 'REPLACE' && this.#credentials && cursor.isString(i + 1)) cursor.add(i + 1);
    else if (word === 'INTO') this.#into(i);
    else if ((word === 'INSERT' || word === 'REPLACE') && !cursor.isWord(i + 1, 'INTO'))
      findInserted(
        cursor,
        this.#behind(i + 1, 'LOW_PRIORITY', 'HIGH_PRIORITY', 'DELAYED', 'IGNORE'),
      );
    else if (word === 'PROGRAM') this.#shell(i + 1);
    else if (SHELL_FUNCTIONS.has(word) && isCall) this.#shell(i + 2);
    else if (word.endsWith('_COMMAND')) this.#command(i, word);
    else if (/^(?:USER|ROLE|GROUP)$/.test(word) && cursor.isWord(i - 1, 'CREATE', 'ALTER'))
      this.#account = !cursor.isWord(i + 1, 'MAPPING');
    else if (word === 'KEY' && cursor.isWord(i - 1, 'ENCRYPTION')) this.#value(i, 'password');
    else this.#value(i, word);
  }

  #behind(from: number, ...words: string[]): number {
    let i = from;
    while (this.#cursor.isWord(i, ...words)) i++;
    return i;
  }

  /** `INSERT INTO t (…)`, `SELECT '…' INTO @password` */
  #into(i: number): void {
    findInserted(this.#cursor, i + 1);
    if (isSecretName(this.#tokens[i + 1]?.value ?? '')) this.#cursor.add(i - 1);
  }

  /** `ssl_passphrase_command = '…'` */
  #command(i: number, name: string): void {
    this.#shell(i + 1);
    if (!isSecretName(name.slice(0, -'_COMMAND'.length))) return;
    const at = i + (this.#cursor.isSymbol(i + 1, '=') || this.#cursor.isWord(i + 1, 'TO') ? 2 : 1);
    const token = this.#tokens[at];
    const printing = PRINTS.exec(token?.kind === 'string' ? token.value : '')?.[0].length;
    if (token && printing !== undefined)
      this.#sink.add(token.innerStart + printing, token.innerEnd);
  }

  /** `IDENTIFIED [WITH | VIA plugin] [BY | AS | USING [PASSWORD]] '…'`; MariaDB: `OR plugin USING '…'`. */
  #identified(from: number): void {
    const cursor = this.#cursor;
    this.#credentials = true;
    let isPlugin = false;
    for (let i = from; i < from + MAX_CONCATENATED; i++) {
      const token = this.#tokens[i];
      if (cursor.isWord(i, 'WITH', 'VIA', 'OR', 'AND')) isPlugin = true;
      else if (cursor.isWord(i, 'BY', 'AS', 'USING', 'PASSWORD')) isPlugin = false;
      else if (token?.kind === 'string' || token?.kind === 'parameter') {
        if (!isPlugin) cursor.add(i);
      } else if (token?.kind !== 'word' && !cursor.isSymbol(i, '(', ')')) return;
      else if (cursor.isWord(i, ...AFTER_IDENTIFIED)) return;
    }
  }

  /** What follows the name of a secret, if that is one. */
  #value(i: number, name: string): void {
    if (!isSecretName(name)) return;
    const cursor = this.#cursor;
    let at = i + 1;
    while (cursor.isSymbol(at, '::')) at += 2;
    while (cursor.isSymbol(at, ')') && this.#calls.length > 0) at++; // lower(token) = '…'
    const next = at;
    if (cursor.isWord(at, 'IS') && cursor.isWord(at + 2, 'DISTINCT')) at += 4; // IS NOT DISTINCT FROM
    if (cursor.isWord(at, 'WHEN') && cursor.isWord(i - 1, 'CASE')) at++;
    while (cursor.isSymbol(at, ...OPERATORS) || cursor.isWord(at, ...COMPARING)) at++;
    if (cursor.isWord(at, 'IN') && cursor.isSymbol(at + 1, '('))
      cursor.addCall(at + 1, 1, Number.POSITIVE_INFINITY);
    else if (at > next) cursor.addExpression(at);
    else if (cursor.isString(at) || cursor.isWord(at, 'E', 'N')) cursor.addExpression(at);
    else this.#declared(at);
    // '…' = password
    if (cursor.isSymbol(i - 1, '=') && !cursor.isSymbol(i + 1, '(')) cursor.add(i - 2);
  }

  /** `password varchar(20) := '…'`, `… DEFAULT '…'` */
  #declared(from: number): void {
    const cursor = this.#cursor;
    for (let i = from; i < from + MAX_TYPE && !cursor.isSymbol(i, ';', ','); i++) {
      if (!cursor.isSymbol(i, ':=') && !cursor.isWord(i, 'DEFAULT')) continue;
      cursor.addExpression(i + 1);
      return;
    }
  }

  #string(i: number, token: Token): void {
    const cursor = this.#cursor;
    if (this.#setting === 'value') cursor.add(i);
    const before = this.#tokens[i - 1];
    // 'bob'@'%'
    const isAccount = before?.value.startsWith('@') || ACCOUNT_WORDS.has(before?.value ?? '');
    if (this.#account && before?.kind === 'word' && !isAccount) cursor.add(i);
    const { value } = token;
    if (value.length <= 64 && isSecretName(value)) {
      const key = value.replace(/^.*[.$]/, '');
      if (KEYED.has(this.#calls.at(-1) ?? '') && cursor.isSymbol(i + 1, ',') && key !== '')
        cursor.addExpression(i + 2);
      else if (cursor.isSymbol(i - 1, '>')) this.#value(i, value); // ->>'password' = '…'
    }
    const unescaped = resolved(this.#text, token);
    const inner = unescaped
      ? mapped(this.#sink, unescaped.starts)
      : shifted(this.#sink, token.innerStart);
    if (unescaped) findPairs(unescaped.value, inner);
    this.#nested.sql(unescaped?.value ?? value, inner);
    const end = value.slice(-64);
    const isJoined =
      cursor.isSymbol(i + 1, '||') ||
      (this.#calls.at(-1) === 'CONCAT' && cursor.isSymbol(i + 1, ','));
    if (isJoined && GOES_ON.test(end)) this.#addJoined(i + 2);
    else if (this.#calls.at(-1) === 'FORMAT' && FORMATTED.test(value.slice(0, 65_536)))
      this.#addJoined(i + 1);
  }

  /** Strings up to the end of the expression. */
  #addJoined(from: number): void {
    const cursor = this.#cursor;
    let depth = 0;
    for (let i = from; i < from + MAX_CONCATENATED && !cursor.isSymbol(i, ';'); i++) {
      if (cursor.isSymbol(i, '(')) depth++;
      if (cursor.isSymbol(i, ')') && --depth < 0) return;
      cursor.add(i);
    }
  }

  #shell(from: number): void {
    let i = from;
    while (this.#cursor.isSymbol(i, '=') || this.#cursor.isWord(i, 'TO')) i++;
    const token = this.#tokens[i];
    if (token?.kind !== 'string' || isPlainValue(token.value)) return;
    const unescaped = resolved(this.#text, token);
    if (unescaped) this.#nested.shell(unescaped.value, mapped(this.#sink, unescaped.starts));
    else this.#nested.shell(token.value, shifted(this.#sink, token.innerStart));
  }
}
