/** Where mysql_queries attaches, and why: bpf/mysql.bpf.c says what each hook means. */
import { type Elf, fileOffset, probeAddress } from '../../native/elf.ts';
import type { GlobalSpec, ProbeSpec, Symbols, TargetKind } from '../collector/target-kind.ts';
import { FUNCTIONS, MysqlSymbol, offsetsOf } from './offsets.ts';

/** enum mysql_probe */
export const MysqlProbe = {
  DISPATCH: 0,
  DISPATCH_RETURN: 1,
  PARSE: 2,
  SEND_OK: 3,
  SEND_ERROR: 4,
  CHANGE_DB: 5,
  SEND_OK_10_2: 6,
  SEND_ERROR_10_2: 7,
  EXECUTE: 8,
  BULK_EXECUTE: 9,
  LONG_DATA: 10,
  PARSE_10_2: 11,
  CHANGE_DB_10_2: 12,
  CHANGE_DB_5_7: 13,
} as const;

/** enum data_values */
export const DataValues = { UNKNOWN: 0, BARE: 1, PARSED: 2 } as const;

/** Functions as the compiler names them. */
const DISPATCH_5_6 = '_Z16dispatch_command19enum_server_commandP3THDPcj';
const DISPATCH_MARIADB = `${DISPATCH_5_6}b`;
const DISPATCH_MARIADB_10_2 = `${DISPATCH_5_6}bb`;
const DISPATCH_5_7 = '_Z16dispatch_commandP3THDPK8COM_DATA19enum_server_command';
const SEND_OK_5_6 = '_Z11net_send_okP3THDjjyyPKc';
const SEND_OK_10_2 = '_Z11net_send_okP3THDjjyyPKcbb';
const SEND_OK_MARIADB = '_ZN8Protocol11net_send_okEP3THDjjyyPKcb';
const SEND_OK_5_7 = '_ZN16Protocol_classic7send_okEjjyyPKc';
const SEND_ERROR_5_6 = '_Z21net_send_error_packetP3THDjPKcS2_';
const SEND_ERROR_MARIADB = '_ZN8Protocol21net_send_error_packetEP3THDjPKcS3_';
const SEND_ERROR_5_7 = '_ZN16Protocol_classic10send_errorEjPKcS1_';
const CHANGE_DB = '_Z15mysql_change_dbP3THDPK19st_mysql_lex_stringb';
const CHANGE_DB_MARIADB = '_Z15mysql_change_dbP3THDPK25st_mysql_const_lex_stringb';
const CHANGE_DB_5_7 = '_Z15mysql_change_dbP3THDRK25st_mysql_const_lex_stringb';
const CHANGE_DB_8 = '_Z15mysql_change_dbP3THDRK17MYSQL_LEX_CSTRINGb';
/** COM_STMT_EXECUTE of MySQL from 8.0 on, whose parameters are parsed. */
const EXECUTE_5_7 = '_Z19mysqld_stmt_executeP3THDmmPhm';
const EXECUTE_8 = '_Z19mysqld_stmt_executeP3THDP18Prepared_statementbmP8PS_PARAM';
const PARSE = '_Z11mysql_parseP3THDPcjP12Parser_state';
const PARSE_10_2 = `${PARSE}bb`;
const BULK_EXECUTE = '_Z24mysqld_stmt_bulk_executeP3THDPcj';
const EXECUTE = '_Z19mysqld_stmt_executeP3THDPcj';

/** Bytes of a function that are read to find offsets; the small ones are shorter. */
const CODE_BYTES = 2048;

const known = new WeakMap<Elf, ReadonlyMap<number, number>>();

/** Offsets in this binary's structures, read once. */
function offsetsIn(elf: Elf, symbols: Symbols): ReadonlyMap<number, number> {
  const before = known.get(elf);
  if (before) return before;
  const offsets =
    process.arch === 'x64'
      ? offsetsOf((name) => {
          const symbol = symbols.get(name);
          const offset = symbol?.kind === 'function' ? fileOffset(elf, symbol.vaddr) : null;
          if (symbol === undefined || offset === null) return null;
          const room = Math.min(symbol.size, CODE_BYTES, elf.source.size - offset);
          return elf.source.read(offset, room);
        })
      : new Map<number, number>();
  known.set(elf, offsets);
  return offsets;
}

/** What the BPF side gets is 1 + the offset: 0 stands for "not known". */
const offset = (index: number, symbol: string, gives: string): GlobalSpec => ({
  index,
  symbol,
  gives,
  locate: (elf, symbols) => {
    const found = offsetsIn(elf, symbols).get(index);
    return found === undefined ? null : found + 1;
  },
});

const globals: readonly GlobalSpec[] = [
  { index: MysqlSymbol.SERVER_VERSION, symbol: 'server_version', gives: 'server_version' },
  offset(MysqlSymbol.THD_ID, 'offset of the connection id', 'connection_id'),
  offset(MysqlSymbol.THD_ROWS, 'offset of the count of sent rows', 'rows_sent'),
  offset(MysqlSymbol.THD_CONTEXT, 'offset of the security context', 'user and host'),
  offset(MysqlSymbol.CONTEXT_USER, 'offset of the user', 'user'),
  offset(MysqlSymbol.CONTEXT_HOST, 'offset of the host', 'host'),
  offset(MysqlSymbol.CONTEXT_IP, 'offset of the address', 'host where names are not looked up'),
  offset(MysqlSymbol.THD_DB, 'offset of the database', 'database'),
  offset(
    MysqlSymbol.THD_QUERY,
    'offset of the text',
    'where one of several statements ends that failed',
  ),
  offset(
    MysqlSymbol.THD_STATEMENTS,
    'offset of the last statement id',
    'query of prepared statements',
  ),
];

const common = {
  table: 'mysql_queries',
  globals,
  symbols: [...Object.values(FUNCTIONS), DISPATCH_MARIADB, DISPATCH_MARIADB_10_2],
} as const;

const hook = (
  index: number,
  program: string,
  symbol: string,
  more: Partial<ProbeSpec> = {},
): ProbeSpec => ({ index, program, symbol, retprobe: false, required: false, ...more });

/** MariaDB: the arguments that end dispatch_command differ, and are not looked at. */
const locateDispatch = (elf: Elf, symbols: Symbols): number | null => {
  const found = symbols.get(DISPATCH_MARIADB) ?? symbols.get(DISPATCH_MARIADB_10_2);
  return found?.kind === 'function' ? probeAddress(elf, found).vaddr : null;
};

const dispatch = (program: string, symbol: string, more: Partial<ProbeSpec> = {}): ProbeSpec[] => [
  hook(MysqlProbe.DISPATCH, program, symbol, { required: true, ...more }),
  hook(MysqlProbe.DISPATCH_RETURN, 'mysql_dispatch_return', symbol, {
    required: true,
    retprobe: true,
    ...more,
  }),
];

const packets: readonly ProbeSpec[] = [
  hook(MysqlProbe.EXECUTE, 'mysql_execute', EXECUTE, { option: 'parameters' }),
  hook(MysqlProbe.LONG_DATA, 'mysql_long_data', '_Z23mysql_stmt_get_longdataP3THDPcm', {
    option: 'parameters',
  }),
];

/** MariaDB 10.2 to 12. */
export const mariadb: TargetKind = {
  ...common,
  program: 'mariadb',
  probes: [
    ...dispatch('mysql_dispatch', DISPATCH_MARIADB, { locate: locateDispatch }),
    hook(MysqlProbe.PARSE, 'mysql_parse', PARSE, { unless: PARSE_10_2 }),
    hook(MysqlProbe.PARSE_10_2, 'mysql_parse', PARSE_10_2, { unless: PARSE }),
    hook(MysqlProbe.SEND_OK, 'mysql_protocol_send_ok', SEND_OK_MARIADB, { unless: SEND_OK_10_2 }),
    hook(MysqlProbe.SEND_OK_10_2, 'mysql_send_ok_eof', SEND_OK_10_2, { unless: SEND_OK_MARIADB }),
    hook(MysqlProbe.SEND_ERROR, 'mysql_protocol_send_error', SEND_ERROR_MARIADB, {
      unless: SEND_ERROR_5_6,
    }),
    hook(MysqlProbe.SEND_ERROR_10_2, 'mysql_send_error', SEND_ERROR_5_6, {
      unless: SEND_ERROR_MARIADB,
    }),
    hook(MysqlProbe.CHANGE_DB, 'mysql_change_database', CHANGE_DB_MARIADB, { unless: CHANGE_DB }),
    hook(MysqlProbe.CHANGE_DB_10_2, 'mysql_change_database', CHANGE_DB, {
      unless: CHANGE_DB_MARIADB,
    }),
    ...packets,
    hook(MysqlProbe.BULK_EXECUTE, 'mysql_execute', BULK_EXECUTE, { option: 'parameters' }),
  ],
  markers: [BULK_EXECUTE, 'thd_get_thread_id'],
  paths: ['/usr/sbin/mariadbd', '/usr/libexec/mariadbd', '/usr/local/mysql/bin/mariadbd'],
  fileName: /^mariadbd(?:[-.\d]|$)/,
};

/** MySQL 5.5 and 5.6, and MariaDB before 10.2. */
export const mysql56: TargetKind = {
  ...common,
  program: 'mysql-5.6',
  probes: [
    ...dispatch('mysql_dispatch', DISPATCH_5_6),
    hook(MysqlProbe.PARSE, 'mysql_parse', PARSE),
    hook(MysqlProbe.SEND_OK, 'mysql_send_ok', SEND_OK_5_6),
    hook(MysqlProbe.SEND_ERROR, 'mysql_send_error', SEND_ERROR_5_6),
    hook(MysqlProbe.CHANGE_DB, 'mysql_change_database', CHANGE_DB),
    ...packets,
  ],
  markers: [DISPATCH_5_6],
  paths: [],
  fileName: /^mysqld-5\.[56]/,
};

/** MySQL from 5.7 on. */
export const mysql: TargetKind = {
  ...common,
  globals: [
    ...globals,
    {
      index: MysqlSymbol.DATA_VALUES,
      symbol: 'mysqld_stmt_execute as 5.7 or 8.0 has it',
      gives: 'parameters',
      locate: (_, symbols) =>
        symbols.has(EXECUTE_8)
          ? DataValues.PARSED
          : symbols.has(EXECUTE_5_7)
            ? DataValues.BARE
            : null,
    },
  ],
  symbols: [...common.symbols, EXECUTE_5_7, EXECUTE_8],
  program: 'mysql',
  probes: [
    ...dispatch('mysql_dispatch_data', DISPATCH_5_7),
    hook(MysqlProbe.PARSE, 'mysql_parse_text', '_ZN16Lex_input_stream5resetEPKcm'),
    hook(MysqlProbe.SEND_OK, 'mysql_classic_send_ok', SEND_OK_5_7),
    hook(MysqlProbe.SEND_ERROR, 'mysql_classic_send_error', SEND_ERROR_5_7),
    hook(MysqlProbe.CHANGE_DB, 'mysql_change_database', CHANGE_DB_8, { unless: CHANGE_DB_5_7 }),
    hook(MysqlProbe.CHANGE_DB_5_7, 'mysql_change_database', CHANGE_DB_5_7, {
      unless: CHANGE_DB_8,
    }),
  ],
  markers: [DISPATCH_5_7],
  paths: ['/usr/sbin/mysqld', '/usr/libexec/mysqld', '/usr/local/mysql/bin/mysqld'],
  fileName: /^mysqld(?:[-.\d]|$)/,
};

/** Tracepoints that the table needs besides the uprobes. */
export const tracepoints = ['mysql_thread_exit'] as const;
