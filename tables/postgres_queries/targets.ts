/** Where postgres_queries attaches, and why: bpf/postgres.bpf.c says what each hook means. */
import { type Elf, type ElfSymbol, fileOffset } from '../../native/elf.ts';
import type { GlobalSpec, ProbeSpec, Symbols, TargetKind } from '../collector/target-kind.ts';
import { CALLED, staticCalls } from './calls.ts';
import { cheapEntry, ENTRY_BYTES, type Instruction, stepsOver } from './entry.ts';
import { ASKED, portalTable } from './portals.ts';
import { errorData, knownVersion, variableOf } from './server.ts';

/** enum postgres_probe */
export const PostgresProbe = {
  END_COMMAND: 0,
  NULL_COMMAND: 1,
  EMIT_ERROR_REPORT: 2,
  BEGIN_REPORTING_GUC: 3,
  BEGIN_IMPLICIT_BLOCK: 4,
  END_IMPLICIT_BLOCK: 5,
  CHECK_LOG_DURATION: 6,
  PORTAL_SUSPENDED: 7,
  EXECUTE: 8,
  FUNCTION_REQUEST: 9,
  FUNCTION_REQUEST_RETURN: 10,
  BIND_MESSAGE: 11,
  BIND_TYPES: 12,
  BIND_PORTAL: 13,
  REPORT_APPNAME: 14,
  PROCESS_UTILITY: 15,
} as const;

/** enum postgres_symbol */
export const PostgresSymbol = {
  DEBUG_QUERY_STRING: 0,
  MY_PROC_PORT: 1,
  APPLICATION_NAME: 2,
  STATEMENT_START: 3,
  ERRORDATA_DEPTH: 4,
  ERRORDATA: 5,
  ERRORDATA_SIZE: 6,
  AM_WALSENDER: 7,
  MESSAGE_CONTEXT: 8,
  VERSION: 9,
  END_COMMAND_DEST: 10,
  PORTALS: 11,
  ACTIVE_PORTAL: 12,
} as const;

/** sub $2,%esi: the destination less DestRemote, for a comparison with both ends. */
const SUBTRACT_FROM_DEST: Instruction = [0x83, 0xee, 0x02];
/** What compilers put before EndCommand's first push or jump. */
const OVER_END_COMMAND: readonly Instruction[] = [
  SUBTRACT_FROM_DEST,
  [0x49, 0x89, 0xf8], // mov %rdi,%r8
  [0x48, 0x89, 0xfb], // mov %rdi,%rbx
  [0x83, 0xfe, 0x02], // cmp $2,%esi
];
const OVER_IMPLICIT_BLOCK: readonly Instruction[] = [
  [0x48, 0x8b, 0x05, null, null, null, null], // mov CurrentTransactionState(%rip),%rax
  [0x83, 0x78, null, null], // cmpl $state,offset(%rax)
];
const OVER_COMPARE: readonly Instruction[] = [
  [0x83, 0x3d, null, null, null, null, null], // cmpl $DestRemote,whereToSendOutput(%rip)
];

function entryCode(elf: Elf, { vaddr }: ElfSymbol): Buffer | null {
  const offset = fileOffset(elf, vaddr);
  if (offset === null || offset >= elf.source.size) return null;
  return elf.source.read(offset, Math.min(ENTRY_BYTES, elf.source.size - offset));
}

const cheap =
  (name: string, over: readonly Instruction[]) =>
  (elf: Elf, symbols: Symbols): number | null => {
    const symbol = symbols.get(name);
    const code = symbol?.kind === 'function' ? entryCode(elf, symbol) : null;
    return symbol && code ? symbol.vaddr + cheapEntry(code, over) : null;
  };

/** 3 where the probe comes behind the subtraction, 1 where the argument is whole: what it lacks, plus 1. */
function lackOfDest(elf: Elf, symbols: Symbols): number | null {
  const symbol = symbols.get('EndCommand');
  const code = symbol && entryCode(elf, symbol);
  if (!code) return null;
  const end = cheapEntry(code, OVER_END_COMMAND);
  return stepsOver(code, end, OVER_END_COMMAND, SUBTRACT_FROM_DEST) ? 3 : 1;
}

const entry = (
  index: number,
  program: string,
  symbol: string,
  more: Partial<ProbeSpec> = {},
): ProbeSpec => ({ index, program, symbol, retprobe: false, required: false, ...more });

const probes: readonly ProbeSpec[] = [
  entry(PostgresProbe.END_COMMAND, 'postgres_end_command', 'EndCommand', {
    required: true,
    locate: cheap('EndCommand', OVER_END_COMMAND),
  }),
  entry(PostgresProbe.NULL_COMMAND, 'postgres_null_command', 'NullCommand'),
  entry(PostgresProbe.EMIT_ERROR_REPORT, 'postgres_emit_error_report', 'EmitErrorReport'),
  entry(PostgresProbe.BEGIN_REPORTING_GUC, 'postgres_begin_reporting', 'BeginReportingGUCOptions', {
    locate: cheap('BeginReportingGUCOptions', OVER_COMPARE),
  }),
  entry(
    PostgresProbe.BEGIN_IMPLICIT_BLOCK,
    'postgres_begin_implicit_block',
    'BeginImplicitTransactionBlock',
    {
      locate: (elf, symbols) => staticCalls(elf, symbols).several,
      only: 'EndImplicitTransactionBlock',
    },
  ),
  entry(
    PostgresProbe.END_IMPLICIT_BLOCK,
    'postgres_end_implicit_block',
    'EndImplicitTransactionBlock',
    {
      locate: cheap('EndImplicitTransactionBlock', OVER_IMPLICIT_BLOCK),
      only: 'EndImplicitTransactionBlock',
    },
  ),
  entry(PostgresProbe.CHECK_LOG_DURATION, 'postgres_check_log_duration', 'check_log_duration', {
    unless: 'EndImplicitTransactionBlock',
  }),
  entry(PostgresProbe.PORTAL_SUSPENDED, 'postgres_portal_suspended', 'pq_putemptymessage', {
    locate: (elf, symbols) => staticCalls(elf, symbols).suspended,
  }),
  entry(PostgresProbe.EXECUTE, 'postgres_execute', 'SetRemoteDestReceiverParams', {
    locate: (elf, symbols) => staticCalls(elf, symbols).execute,
    unlessKnown: PostgresSymbol.PORTALS,
  }),
  entry(PostgresProbe.FUNCTION_REQUEST, 'postgres_function_request', 'HandleFunctionRequest'),
  entry(
    PostgresProbe.FUNCTION_REQUEST_RETURN,
    'postgres_function_request_return',
    'HandleFunctionRequest',
    { retprobe: true },
  ),
  entry(PostgresProbe.PROCESS_UTILITY, 'postgres_process_utility', 'ProcessUtility'),
  entry(PostgresProbe.REPORT_APPNAME, 'postgres_report_appname', 'pgstat_report_appname'),
  entry(PostgresProbe.BIND_MESSAGE, 'postgres_bind_message', 'pq_getmsgend', {
    locate: (elf, symbols) => staticCalls(elf, symbols).message,
    option: 'parameters',
  }),
  entry(PostgresProbe.BIND_TYPES, 'postgres_bind_types', 'GetCachedPlan', {
    locate: (elf, symbols) => staticCalls(elf, symbols).plan,
    option: 'parameters',
  }),
  entry(PostgresProbe.BIND_PORTAL, 'postgres_bind_portal', 'PortalDefineQuery', {
    locate: (elf, symbols) => staticCalls(elf, symbols).define,
    option: 'parameters',
  }),
];

const global = (
  index: number,
  symbol: string,
  gives: string,
  locate?: GlobalSpec['locate'],
): GlobalSpec => ({ index, symbol, gives, ...(locate && { locate }) });

const globals: readonly GlobalSpec[] = [
  global(PostgresSymbol.DEBUG_QUERY_STRING, 'debug_query_string', 'any statement'),
  global(PostgresSymbol.MY_PROC_PORT, 'MyProcPort', 'any statement'),
  global(PostgresSymbol.APPLICATION_NAME, 'application_name', 'application_name'),
  global(
    PostgresSymbol.STATEMENT_START,
    'stmtStartTimestamp',
    'duration, and one row for several statements of a text',
    (elf, symbols) => variableOf(elf, symbols.get('GetCurrentStatementStartTimestamp')),
  ),
  global(
    PostgresSymbol.ERRORDATA_DEPTH,
    'errordata_stack_depth',
    'failed statements',
    (elf, symbols) => errorData(elf, symbols)?.depth ?? null,
  ),
  global(
    PostgresSymbol.ERRORDATA,
    'errordata',
    'failed statements',
    (elf, symbols) => errorData(elf, symbols)?.array ?? null,
  ),
  global(
    PostgresSymbol.ERRORDATA_SIZE,
    'sizeof(ErrorData)',
    'failed statements',
    (elf, symbols) => sizeOfErrorData(symbols) ?? errorData(elf, symbols)?.size ?? null,
  ),
  global(PostgresSymbol.AM_WALSENDER, 'am_walsender', 'telling replication connections'),
  global(
    PostgresSymbol.MESSAGE_CONTEXT,
    'MessageContext',
    'protocol of statements that failed or were killed',
  ),
  global(
    PostgresSymbol.VERSION,
    'known version (10 to 18)',
    'command_tag, rows, sqlstate, error and parameters; user, database and client but by the process title',
    knownVersion,
  ),
  global(PostgresSymbol.END_COMMAND_DEST, 'code of EndCommand', 'any statement', lackOfDest),
  global(
    PostgresSymbol.PORTALS,
    'PortalHashTable',
    'statement_name for one probe hit (SetRemoteDestReceiverParams is a second one)',
    portalTable,
  ),
  global(PostgresSymbol.ACTIVE_PORTAL, 'ActivePortal', 'statement_name of utility commands'),
];

/** ERRORDATA_STACK_SIZE (utils/error/elog.c), the same from 10 to 18. */
const ERRORDATA_ELEMENTS = 5;

function sizeOfErrorData(symbols: Symbols): number | null {
  const size = symbols.get('errordata')?.size ?? 0;
  return size > 0 && size % ERRORDATA_ELEMENTS === 0 ? size / ERRORDATA_ELEMENTS : null;
}

/** PostgreSQL 10 to 18. It exports all its functions and globals that are not static, for extensions. */
export const postgres: TargetKind = {
  table: 'postgres_queries',
  program: 'postgres',
  probes,
  globals,
  symbols: ['GetCurrentStatementStartTimestamp', 'geterrcode', ...CALLED, ...ASKED],
  markers: ['EndCommand', 'EmitErrorReport', 'debug_query_string', 'MyProcPort'],
  paths: ['/usr/bin/postgres', '/usr/local/bin/postgres', '/usr/local/pgsql/bin/postgres'].concat(
    // Debian's, PGDG's and SUSE's packages
    Array.from({ length: 9 }, (_, i) => i + 10).flatMap((major) => [
      `/usr/lib/postgresql/${major}/bin/postgres`,
      `/usr/pgsql-${major}/bin/postgres`,
      `/usr/lib/postgresql${major}/bin/postgres`,
    ]),
  ),
  // postgres, postgres-15; not postgres_exporter
  fileName: /^postgres(?:[-.\d]|$)/,
};

/** Tracepoints that the table needs besides the uprobes. */
export const tracepoints = ['postgres_signal', 'postgres_exit'] as const;
