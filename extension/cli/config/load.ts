/** All sources of the config, and which goes first: flag, environment, osquery option, file, default. */
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { COLLECTOR_DEFAULTS } from '../../../tables/collector/defaults.ts';
import type { Rule } from '../../../tables/redact/rules.ts';
import { DEFAULT_SOURCES } from '../../../tables/shell_history_live/settings.ts';
import { decode } from './decode.ts';
import { readConfigFile } from './file.ts';
import { METRICS_INTERVAL } from './metrics.ts';
import { configFromOsquery } from './osquery.ts';
import {
  CONFIG_KEYS,
  type Config,
  type ConfigInput,
  type ConfigKey,
  DEFAULT_RING_BYTES,
  DEFAULTS,
  PARAMETER_TABLES,
  TABLES,
} from './schema.ts';

export type Origin = 'flag' | 'environment' | 'osquery' | 'file' | 'default';

export interface ConfigSources {
  /** Path of the config file; it may be missing. */
  readonly file: string;
  /** What `--state-dir` was given. */
  readonly stateDirFlag?: string | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** osquery's options, name to text (the extension only). */
  readonly osquery?: ReadonlyMap<string, string>;
}

export interface LoadedConfig {
  readonly config: Config;
  readonly origin: Readonly<Record<ConfigKey, Origin>>;
}

/** @throws LiveAuditError CONFIG with one line: source, key, reason */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const { stateDirFlag, environment = {}, osquery = new Map(), file } = sources;
  const inputs: readonly (readonly [Origin, ConfigInput])[] = [
    ['default', DEFAULTS],
    ['file', readConfigFile(file)],
    ['osquery', configFromOsquery(osquery)],
    ['environment', stateDir(environment.LIVE_AUDIT_STATE_DIR, 'LIVE_AUDIT_STATE_DIR')],
    ['flag', stateDir(stateDirFlag, '--state-dir')],
  ];
  let merged: ConfigInput = {};
  const origin = Object.fromEntries(CONFIG_KEYS.map((key) => [key, 'default'])) as Record<
    ConfigKey,
    Origin
  >;
  for (const [name, input] of inputs) {
    merged = { ...merged, ...input };
    for (const key of CONFIG_KEYS) if (input[key] !== undefined) origin[key] = name;
  }
  return { config: complete(merged), origin };
}

/** On the command line a path may be relative, as everywhere; empty is not given. */
function stateDir(given: string | undefined, source: string): ConfigInput {
  if (given === undefined || given === '') return {};
  return decode({ state_dir: path.resolve(given) }, source);
}

function complete(input: ConfigInput): Config {
  const { ring_bytes: ring, tables, ...rest } = { ...DEFAULTS, ...input };
  const sizes: Readonly<Record<string, number | undefined>> = typeof ring === 'object' ? ring : {};
  const otherwise = typeof ring === 'number' ? ring : DEFAULT_RING_BYTES;
  const on: Readonly<Record<string, boolean | undefined>> = tables ?? {};
  const parameters: Readonly<
    Record<string, { on?: boolean | undefined; max_bytes?: number | undefined } | undefined>
  > = rest.parameters ?? {};
  const { all_commands = false }: { all_commands?: boolean | undefined } = rest.mysql ?? {};
  const {
    on: isRedacted = true,
    rules = [],
  }: { on?: boolean | undefined; rules?: readonly Rule[] | undefined } = rest.redaction ?? {};
  return {
    state_dir: rest.state_dir ?? DEFAULTS.state_dir,
    tables: Object.fromEntries(TABLES.map((table) => [table, on[table] ?? true])),
    ring_bytes: Object.fromEntries(TABLES.map((table) => [table, sizes[table] ?? otherwise])),
    kernel_ring_bytes: rest.kernel_ring_bytes ?? DEFAULTS.kernel_ring_bytes,
    max_text: rest.max_text ?? DEFAULTS.max_text,
    keep_capture: rest.keep_capture ?? DEFAULTS.keep_capture,
    parameters: Object.fromEntries(
      PARAMETER_TABLES.map((table) => {
        const { on = false, max_bytes = COLLECTOR_DEFAULTS.parameterBytes } =
          parameters[table] ?? {};
        return [table, { on, max_bytes }];
      }),
    ),
    shell: { sources: DEFAULT_SOURCES, ...rest.shell },
    metrics: { interval: METRICS_INTERVAL, ...rest.metrics },
    mysql: { all_commands },
    redaction: { on: isRedacted, rules },
    targets: rest.targets ?? DEFAULTS.targets,
  };
}

/** The keys whose values differ. */
export const diffConfig = (a: Config, b: Config): readonly ConfigKey[] =>
  CONFIG_KEYS.filter((key) => !isDeepStrictEqual(a[key], b[key]));
