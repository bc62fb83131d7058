/**
 * Where a server build keeps things in its structures: read out of the code of small functions that it
 * exports. No build's layout is assumed; what the code does not say is not known. Pure.
 */

import { Register } from '../../native/x86.ts';
import { type Access, accessesOf } from './accesses.ts';

/** enum mysql_symbol */
export const MysqlSymbol = {
  SERVER_VERSION: 0,
  THD_ID: 1,
  THD_ROWS: 2,
  THD_CONTEXT: 3,
  CONTEXT_USER: 4,
  CONTEXT_HOST: 5,
  CONTEXT_IP: 6,
  THD_DB: 7,
  THD_STATEMENTS: 8,
  DATA_VALUES: 9,
  THD_QUERY: 10,
} as const;

/** Added to the offset of the security context where it is the offset of a pointer to it. */
export const CONTEXT_IS_POINTER = 2 ** 32;

/** The functions that are read, as the compiler names them. */
export const FUNCTIONS = {
  /** extern "C" thd_get_thread_id(const THD *): every version. */
  id: 'thd_get_thread_id',
  /** THD::set_sent_row_count(ulonglong): from MySQL 5.6 and MariaDB 10.0 on. */
  rows: '_ZN3THD18set_sent_row_countEy',
  /** extern "C" thd_user_name, thd_client_host, thd_client_ip, thd_current_db(THD *): MariaDB from 10.5 on. */
  user: 'thd_user_name',
  host: 'thd_client_host',
  ip: 'thd_client_ip',
  db: 'thd_current_db',
  /** extern "C" …(THD *, char *buffer, …): puts host, ip and user into a text, in this order. */
  describe: 'thd_get_error_context_description',
  describeOld: 'thd_security_context',
  /** Security_context::get_host() and get_ip(): MySQL 5.6; they return a String, whose pointer comes first. */
  getHost: '_ZN16Security_context8get_hostEv',
  getIp: '_ZN16Security_context6get_ipEv',
  /** extern "C" thd_get_security_context(THD *, Security_context **): MySQL from 5.7 on. */
  context: 'thd_get_security_context',
  /**
   * Prepared_statement::set_db(const char *, size): MySQL 5.6, MariaDB to 10.2; later with a LEX_CSTRING. It sets
   * the member db of class Statement, with which Prepared_statement begins, and THD of MariaDB, too.
   */
  setDb: '_ZN18Prepared_statement6set_dbEPKcj',
  /**
   * The destructor of THD as of its base at 8: where MDL_context_owner comes first (MySQL 5.5 and 5.6), that is
   * Statement.
   */
  statementAt8: '_ZThn8_N3THDD1Ev',
  /** extern "C" thd_query_string(THD *): MySQL 5.6, MariaDB; thd_query_unsafe(THD *) from MySQL 5.7 on, by value. */
  query: 'thd_query_string',
  query57: 'thd_query_unsafe',
  /** THD::copy_db_to(char const **, size_t *) const of MySQL 8.0, without const in 5.7: reads pointer and length. */
  copyDb: '_ZNK3THD10copy_db_toEPPKcPm',
  copyDb57: '_ZNK3THD10copy_db_toEPPcPm',
  setDbText: '_ZN18Prepared_statement6set_dbEPK25st_mysql_const_lex_string',
  /** Prepared_statement::Prepared_statement(THD *): takes the next id from the THD. */
  prepare: '_ZN18Prepared_statementC1EP3THD',
  prepareBase: '_ZN18Prepared_statementC2EP3THD',
} as const;

export type CodeOf = (symbol: string) => Uint8Array | null;

/** class String of MySQL 5.7 and later (sql_string.h): pointer, length, character set, room, owned. */
const STRING_BYTES = 32;
/** Security_context of MySQL 5.7 and later begins with these Strings (auth/sql_security_ctx.h). */
const CONTEXT_57 = { user: 0, host: STRING_BYTES, ip: 2 * STRING_BYTES } as const;
const POINTER_BYTES = 8;

/** Offsets by MysqlSymbol; one that is not there is not known. */
export function offsetsOf(codeOf: CodeOf): Map<number, number> {
  const offsets = new Map<number, number>();
  const put = (symbol: number, offset: number | null | undefined) => {
    if (offset !== null && offset !== undefined && offset >= 0) offsets.set(symbol, offset);
  };
  const accesses = (name: string, argument?: number): readonly Access[] => {
    const code = codeOf(name);
    return code === null ? [] : accessesOf(code, argument);
  };
  put(MysqlSymbol.THD_ID, only(accesses(FUNCTIONS.id), 'load'));
  put(MysqlSymbol.THD_ROWS, only(accesses(FUNCTIONS.rows).slice(0, 1), 'store'));
  put(MysqlSymbol.THD_STATEMENTS, counter(accesses(FUNCTIONS.prepare, Register.RSI)));
  if (!offsets.has(MysqlSymbol.THD_STATEMENTS))
    put(MysqlSymbol.THD_STATEMENTS, counter(accesses(FUNCTIONS.prepareBase, Register.RSI)));
  put(
    MysqlSymbol.THD_QUERY,
    only(accesses(FUNCTIONS.query), 'address') ?? loadedPair(accesses(FUNCTIONS.query57)),
  );
  const context = contextOf(accesses);
  for (const [symbol, offset] of context) put(symbol, offset);
  const db = only(accesses(FUNCTIONS.db), 'address');
  const inStatement = pair(accesses(FUNCTIONS.setDb)) ?? pair(accesses(FUNCTIONS.setDbText));
  const base = codeOf(FUNCTIONS.statementAt8) === null ? 0 : POINTER_BYTES;
  const copied = loadedPair(accesses(FUNCTIONS.copyDb)) ?? loadedPair(accesses(FUNCTIONS.copyDb57));
  put(MysqlSymbol.THD_DB, db ?? copied ?? (inStatement === null ? null : inStatement + base));
  return offsets;
}

type AccessesOf = (name: string, argument?: number) => readonly Access[];

function contextOf(accesses: AccessesOf): Map<number, number> {
  const { THD_CONTEXT, CONTEXT_USER, CONTEXT_HOST, CONTEXT_IP } = MysqlSymbol;
  const user = behindPointer(accesses(FUNCTIONS.user));
  const host = behindPointer(accesses(FUNCTIONS.host));
  const ip = behindPointer(accesses(FUNCTIONS.ip));
  if (user && host && ip && user.pointer === host.pointer && user.pointer === ip.pointer)
    return new Map([
      [THD_CONTEXT, user.pointer + CONTEXT_IS_POINTER],
      [CONTEXT_USER, user.member],
      [CONTEXT_HOST, host.member],
      [CONTEXT_IP, ip.member],
    ]);
  const pointer = only(accesses(FUNCTIONS.context), 'load');
  if (pointer !== null)
    return new Map([
      [THD_CONTEXT, pointer + CONTEXT_IS_POINTER],
      [CONTEXT_USER, CONTEXT_57.user],
      [CONTEXT_HOST, CONTEXT_57.host],
      [CONTEXT_IP, CONTEXT_57.ip],
    ]);
  const described = describedContext(accesses(FUNCTIONS.describe));
  if (described !== null && described.members.length >= 3) {
    const [host = 0, ip = 0, user = 0] = described.members;
    return new Map([
      [THD_CONTEXT, described.context],
      [CONTEXT_HOST, host],
      [CONTEXT_IP, ip],
      [CONTEXT_USER, user],
    ]);
  }
  const old = describedContext(accesses(FUNCTIONS.describeOld));
  if (old === null || old.members.length !== 1) return new Map();
  return new Map([
    [THD_CONTEXT, old.context],
    [CONTEXT_USER, old.members[0] ?? 0],
    ...stringMember(CONTEXT_HOST, accesses(FUNCTIONS.getHost)),
    ...stringMember(CONTEXT_IP, accesses(FUNCTIONS.getIp)),
  ]);
}

/** The offset, if there is one access through the argument and it is of this kind. */
function only(accesses: readonly Access[], kind: Access['kind']): number | null {
  const [first, ...rest] = accesses.filter(({ origin }) => origin === 0);
  return first?.kind === kind && rest.length === 0 ? first.offset : null;
}

/** thd->context->member, where `context` is checked for NULL in between. */
function behindPointer(accesses: readonly Access[]): { pointer: number; member: number } | null {
  const [first, second, third] = accesses;
  if (first?.kind !== 'load' || first.origin !== 0) return null;
  if (second?.kind !== 'load' || second.origin !== 1 || third !== undefined) return null;
  return { pointer: first.offset, member: second.offset };
}

/** What is loaded, counted up and stored again. */
function counter(accesses: readonly Access[]): number | null {
  const stored = accesses.find(
    ({ kind, offset, origin }, i) =>
      kind === 'store' &&
      origin === 0 &&
      accesses.slice(0, i).some((a) => a.kind === 'load' && a.origin === 0 && a.offset === offset),
  );
  return stored?.offset ?? null;
}

/** A pointer and a length behind it that are both stored. */
const pair = (accesses: readonly Access[]): number | null => pairOf(accesses, ['store']);

/** The same, both read. */
const loadedPair = (accesses: readonly Access[]): number | null =>
  pairOf(accesses, ['load', 'compare']);

function pairOf(accesses: readonly Access[], kinds: readonly Access['kind'][]): number | null {
  const used = accesses.filter(({ kind, origin }) => kinds.includes(kind) && origin === 0);
  const offsets = new Set(used.map(({ offset }) => offset));
  const first = [...offsets].filter((offset) => offsets.has(offset + POINTER_BYTES));
  return first.length === 1 ? (first[0] ?? null) : null;
}

/** The first object inside the argument whose address is taken, and its members in the order of their use. */
function describedContext(
  accesses: readonly Access[],
): { context: number; members: number[] } | null {
  const nth = accesses.findIndex(({ kind, origin }) => kind === 'address' && origin === 0);
  const address = accesses[nth];
  if (address === undefined) return null;
  const members = new Set<number>();
  for (const { kind, offset, origin } of accesses) {
    if (kind !== 'load' && kind !== 'compare') continue;
    if (origin === nth + 1) members.add(offset);
    else if (origin === 0 && offset === address.offset) members.add(0);
  }
  return { context: address.offset, members: [...members] };
}

/** A function that returns the address of a member, or that of the object itself. */
function stringMember(symbol: number, accesses: readonly Access[]): [number, number][] {
  if (accesses.length === 0) return [[symbol, 0]];
  const offset = only(accesses, 'address');
  return offset === null ? [] : [[symbol, offset]];
}
