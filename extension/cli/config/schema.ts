/**
 * What the config may hold: the one source of its types, defaults, checks and documentation
 * (docs/configuration.md). Each key is optional; `DEFAULTS` stands for those that are not given.
 */
import { z } from 'zod';
import { COLLECTOR_DEFAULTS } from '../../../tables/collector/defaults.ts';
import { DEFAULT_STATE_DIR } from '../../../tables/collector/state-dir.ts';
import { type ConfiguredTarget, placeProblem } from '../../../tables/collector/symbol-places.ts';
import { captures, eventSpecs } from '../../../tables/index.ts';
import type { MysqlConfig } from '../../../tables/mysql_queries/settings.ts';
import { MAX_PATTERN, MAX_RULES, patternProblem, type Rule } from '../../../tables/redact/rules.ts';
import { MAX_CAPACITY, MIN_CAPACITY } from '../../../tables/ring/layout.ts';
import { FILTER_VALUES, SOURCE_NAMES } from '../../../tables/shell_history_live/records.ts';
import { FILTERED, type ShellConfig } from '../../../tables/shell_history_live/settings.ts';
import { type MetricsConfig, metricsSchema } from './metrics.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Linux's PATH_MAX, bytes. */
const PATH_MAX = 4096;
const MIN_KERNEL_RING = 64 * KIB;
const MAX_KERNEL_RING = 1024 * MIB;
const MIN_TEXT = 256;
const MAX_TEXT = MIB;
const MAX_TARGETS = 1000;
/** PID_MAX_LIMIT of 64-bit kernels. */
const MAX_PID = 2 ** 22;

/** The tables that can be switched, and the programs that can be targets. */
export const TABLES: readonly string[] = eventSpecs.map(({ name }) => name);
const KINDS = captures.flatMap(({ kinds }) => kinds);
const PROGRAMS = [...new Set(KINDS.map(({ program }) => program))];

/** 65536 as "64 KiB". */
function bytes(value: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB'];
  const power = Math.min(Math.floor(Math.log2(value) / 10), units.length - 1);
  return `${value / KIB ** power} ${units[power]}`;
}

const absolutePath = z
  .string({ error: 'must be an absolute path' })
  .refine((path) => /^\/[^\0]*$/.test(path) && Buffer.byteLength(path) < PATH_MAX, {
    error: 'must be an absolute path',
  });

const boolean = z.boolean({ error: 'must be true or false' });

const powerOfTwo = (min: number, max: number) => {
  const error = `must be a power of two from ${min} (${bytes(min)}) to ${max} (${bytes(max)})`;
  return z
    .number({ error })
    .refine((n) => n >= min && n <= max && Number.isInteger(Math.log2(n)), { error });
};

/** An object that may have a value for each table. */
const perTable = <T extends z.ZodType>(value: T) =>
  z.strictObject(Object.fromEntries(TABLES.map((table) => [table, value.optional()])), {
    error: 'must be an object: table name to value',
  });

/** The tables that can show what was bound to a statement's parameters. */
export const PARAMETER_TABLES: readonly string[] = captures
  .filter(({ hasParameters }) => hasParameters === true)
  .map(({ spec }) => spec.name);

const parameterBytesError = `must be a whole number from 1 to ${MAX_TEXT}`;
const parameters = z.strictObject(
  {
    on: boolean.optional(),
    max_bytes: z
      .number({ error: parameterBytesError })
      .refine((n) => Number.isInteger(n) && n >= 1 && n <= MAX_TEXT, { error: parameterBytesError })
      .optional(),
  },
  { error: 'must be an object with on and max_bytes' },
);

function numbers(min: number, max: number, what: string) {
  const error = `must be an array of 1 to ${FILTER_VALUES} ${what}s`;
  const each = `must be a whole number from ${min} to ${max}`;
  const one = z
    .number({ error: each })
    .refine((n) => Number.isInteger(n) && n >= min && n <= max, { error: each });
  return z.array(one, { error }).min(1, { error }).max(FILTER_VALUES, { error });
}

const textError = `must be a whole number from ${MIN_TEXT} to ${MAX_TEXT}`;
const ringBytes = powerOfTwo(MIN_CAPACITY, MAX_CAPACITY);

const exitCode = numbers(0, 255, 'exit code');
const user = numbers(0, 2 ** 32 - 1, 'user id');
const cgroupsError = `must be an array of 1 to ${FILTER_VALUES} cgroups`;
const cgroups = z
  .array(absolutePath, { error: cgroupsError })
  .min(1, { error: cgroupsError })
  .max(FILTER_VALUES, { error: cgroupsError });
const valueFilter = <T extends z.ZodType>(values: T) => {
  const error = 'must be an object with keep or drop, not both';
  return z
    .strictObject({ keep: values.optional(), drop: values.optional() }, { error })
    .refine(({ keep, drop }) => (keep === undefined) !== (drop === undefined), { error })
    .optional();
};

const sourcesError = `must be an array of at least one of: ${SOURCE_NAMES.join(', ')}`;
const shell = z.strictObject(
  {
    sources: z
      .array(z.enum(SOURCE_NAMES, { error: `must be one of: ${SOURCE_NAMES.join(', ')}` }), {
        error: sourcesError,
      })
      .min(1, { error: sourcesError })
      .optional(),
    pid: valueFilter(numbers(1, MAX_PID, 'process id')),
    uid: valueFilter(user),
    auid: valueFilter(user),
    exit_code: valueFilter(exitCode),
    cgroup: valueFilter(cgroups),
  },
  { error: `must be an object with ${['sources', ...FILTERED, 'cgroup'].join(', ')}` },
);
export const SHELL_KEYS = Object.keys(shell.shape);

const PLACES_ERROR = 'must be an object: symbol to where it is';
const PLACE_ERROR = 'must be a text';
function checkPlaces(
  { program, symbols = {} }: ConfiguredTarget,
  context: z.core.$RefinementCtx<unknown>,
): void {
  const kind = KINDS.find((it) => it.program === program);
  for (const [symbol, place] of kind ? Object.entries(symbols) : []) {
    const message = kind && placeProblem(kind, symbol, place);
    if (message) context.addIssue({ code: 'custom', path: ['symbols', symbol], message });
  }
}

const MIN_KEYWORD = 3;
const keywordError = `must be a text of ${MIN_KEYWORD} to 100 characters`;
const patternError = `must be a text of at most ${MAX_PATTERN} characters`;
const redactionRule = z.strictObject(
  {
    keyword: z
      .string({ error: keywordError })
      .min(MIN_KEYWORD, { error: keywordError })
      .max(100, { error: keywordError }),
    pattern: z
      .string({ error: patternError })
      .max(MAX_PATTERN, { error: patternError })
      .superRefine((pattern, context) => {
        const message = patternProblem(pattern);
        if (message !== null) context.addIssue({ code: 'custom', message });
      }),
  },
  { error: 'must be an object with keyword and pattern' },
);

export const schema = z.strictObject(
  {
    state_dir: absolutePath.meta({
      values: 'absolute path',
      description:
        'Where the rings and the lock of the collector are; made with mode 0700. Also `--state-dir` and `LIVE_AUDIT_STATE_DIR`.',
    }),
    tables: perTable(boolean).meta({
      values: 'object: table name to true or false',
      description: 'Which tables are captured. A table that is not named is on.',
    }),
    ring_bytes: z.union([ringBytes, perTable(ringBytes)]).meta({
      values: `power of two from ${MIN_CAPACITY} (${bytes(MIN_CAPACITY)}) to ${MAX_CAPACITY} (${bytes(MAX_CAPACITY)}), or an object: table name to that`,
      description:
        'Bytes of the ring file of each table, on the disk of `state_dir`; the oldest events are overwritten. A row may take a quarter of it.',
    }),
    kernel_ring_bytes: powerOfTwo(MIN_KERNEL_RING, MAX_KERNEL_RING).meta({
      values: `power of two from ${MIN_KERNEL_RING} (${bytes(MIN_KERNEL_RING)}) to ${MAX_KERNEL_RING} (${bytes(MAX_KERNEL_RING)})`,
      description:
        "Bytes of the kernel's ring buffer of each table, in memory that cannot be swapped: what a burst may fill before the collector reads it.",
    }),
    max_text: z
      .number({ error: textError })
      .refine((n) => Number.isInteger(n) && n >= MIN_TEXT && n <= MAX_TEXT, { error: textError })
      .meta({
        values: `whole number from ${MIN_TEXT} to ${MAX_TEXT} (${bytes(MAX_TEXT)})`,
        description: 'Longest text to store, bytes; a longer one is cut, and `truncated` says so.',
      }),
    keep_capture: boolean.meta({
      values: 'true or false',
      description:
        'Go on capturing into the kernel’s ring buffer while no collector runs; the next one stores what it finds.',
    }),
    parameters: z
      .strictObject(
        Object.fromEntries(PARAMETER_TABLES.map((table) => [table, parameters.optional()])),
        { error: 'must be an object: table name to an object with on and max_bytes' },
      )
      .meta({
        values: `object: table name to an object with \`on\` (true or false) and \`max_bytes\` (whole number from 1 to ${MAX_TEXT})`,
        description: `Whether the values that are bound to parameters are captured, by probes of their own, and how long their JSON may be; more is cut. Off where it is not named; \`max_bytes\` is ${COLLECTOR_DEFAULTS.parameterBytes} where it is not given. Tables: ${PARAMETER_TABLES.join(', ') || 'none yet'}.`,
      }),
    shell: shell.meta({
      values: `object with \`sources\` (array of ${SOURCE_NAMES.map((s) => `\`${s}\``).join(', ')}), and ${FILTERED.map((f) => `\`${f}\``).join(', ')} (each an object with \`keep\` or \`drop\`: array of at most ${FILTER_VALUES} numbers), and \`cgroup\` (the same, of paths)`,
      description:
        'Which commands of shell_history_live are captured: `keep` those with one of the values, or `drop` them; the kernel side decides. Commands whose exit code is not known are kept. A cgroup is one of the unified hierarchy as /proc/PID/cgroup has it (`/system.slice/cron.service`), with all that are below it; one that is not there now is looked for every two seconds. All sources but `prompt` are off where they are not named: a machine runs many scripts.',
    }),
    mysql: z
      .strictObject(
        { all_commands: boolean.optional() },
        { error: 'must be an object with all_commands' },
      )
      .meta({
        values: 'object with `all_commands` (true or false)',
        description:
          'Whether mysql_queries has rows for ping, quit and statistics, too, which ask for nothing. Off where it is not named.',
      }),
    redaction: z
      .strictObject(
        {
          on: boolean.optional(),
          rules: z
            .array(redactionRule, { error: 'must be an array of objects with keyword and pattern' })
            .max(MAX_RULES, { error: `must have at most ${MAX_RULES} entries` })
            .optional(),
        },
        { error: 'must be an object with on and rules' },
      )
      .meta({
        values: `object with \`on\` (true or false) and \`rules\` (at most ${MAX_RULES} objects with \`keyword\` and \`pattern\`)`,
        description:
          "Whether secrets are taken out of texts before they are stored; on where it is not given. Each rule of your own is a regular expression in RE2's syntax: its groups are secret, or all of it where it has none. It is tried on texts that hold `keyword`, byte for byte. See docs/redaction.md.",
      }),
    metrics: metricsSchema(absolutePath),
    targets: z
      .array(
        z
          .strictObject(
            {
              program: z.enum(PROGRAMS, { error: `must be one of: ${PROGRAMS.join(', ')}` }),
              path: absolutePath,
              symbols: z
                .record(z.string(), z.string({ error: PLACE_ERROR }), { error: PLACES_ERROR })
                .optional(),
            },
            { error: 'must be an object with program, path and symbols' },
          )
          .superRefine(checkPlaces),
        { error: 'must be an array of objects with program, path and symbols' },
      )
      .max(MAX_TARGETS, { error: `must have at most ${MAX_TARGETS} entries` })
      .meta({
        values: 'array of objects with `program`, `path` and, where needed, `symbols`',
        description: `Programs to capture beyond those that are discovered. \`program\` is one of: ${PROGRAMS.join(', ')}; \`path\` is absolute. \`symbols\` says where a build has a function that \`live_audit_probes.symbol\` names, if it is called otherwise or has no symbol: its name there, or its file offset as 0x….`,
      }),
  },
  { error: 'must be an object' },
);

/** What one source may give: any of the keys. */
export const partialSchema = schema.partial();
export type ConfigInput = Readonly<z.infer<typeof partialSchema>>;
export type ConfigKey = keyof typeof schema.shape;
export const CONFIG_KEYS = Object.keys(schema.shape) as readonly ConfigKey[];

/** The config as it is used: every key there, `tables` and `ring_bytes` with every table. */
export interface Config {
  readonly state_dir: string;
  readonly tables: Readonly<Record<string, boolean>>;
  readonly ring_bytes: Readonly<Record<string, number>>;
  readonly kernel_ring_bytes: number;
  readonly max_text: number;
  readonly keep_capture: boolean;
  /** With every table that can. */
  readonly parameters: Readonly<
    Record<string, { readonly on: boolean; readonly max_bytes: number }>
  >;
  readonly shell: ShellConfig;
  readonly metrics: MetricsConfig;
  readonly mysql: MysqlConfig;
  readonly redaction: { readonly on: boolean; readonly rules: readonly Rule[] };
  readonly targets: readonly ConfiguredTarget[];
}

export const DEFAULT_RING_BYTES = COLLECTOR_DEFAULTS.ringBytes;

export const DEFAULTS = {
  state_dir: DEFAULT_STATE_DIR,
  tables: {},
  ring_bytes: DEFAULT_RING_BYTES,
  kernel_ring_bytes: COLLECTOR_DEFAULTS.kernelRingBytes,
  max_text: COLLECTOR_DEFAULTS.maxText,
  keep_capture: true,
  parameters: {},
  shell: {},
  metrics: {},
  mysql: {},
  redaction: {},
  targets: [],
} as const satisfies ConfigInput;
