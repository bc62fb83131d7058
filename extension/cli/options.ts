/** What all commands have in common: flags, each also an environment variable. */
import { parseArgs } from 'node:util';
import { LiveAuditError } from '../../native/errors.ts';
import { DEFAULT_CONFIG } from './config/file.ts';
import { type ConfigSources, type LoadedConfig, loadConfig } from './config/load.ts';

type Flags = Readonly<Record<string, { readonly type: 'string' | 'boolean' }>>;

const COMMON = {
  'state-dir': { type: 'string' },
  config: { type: 'string' },
} as const satisfies Flags;

export interface Parsed {
  /** `loaded.config.state_dir`, which all commands need. */
  readonly stateDir: string;
  readonly loaded: LoadedConfig;
  /** Where it was loaded from, to load it again (config/watch.ts). */
  readonly sources: ConfigSources;
  readonly flags: Readonly<Record<string, string | boolean | undefined>>;
  readonly positionals: readonly string[];
}

/**
 * Flags before environment, environment before the config file, that before the defaults.
 * @param flags what the command takes besides the common options
 * @throws LiveAuditError USAGE, CONFIG
 */
export function parseOptions(args: readonly string[], flags: Flags = {}): Parsed {
  const { values, positionals } = parse(args, { ...COMMON, ...flags }, true);
  return { ...settle(values), positionals };
}

/**
 * The same for the extension, whose flags osqueryd chooses: what is not known is named, not refused.
 * @param ignored gets each unknown flag
 */
export function parseLenient(
  args: readonly string[],
  flags: Flags,
  ignored: (flag: string) => void,
): Parsed {
  const known: Flags = { ...COMMON, ...flags };
  const kept: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? '';
    const name = /^--?([^=]+)/.exec(arg)?.[1];
    const flag = name !== undefined && Object.hasOwn(known, name) ? known[name] : undefined;
    if (!flag) {
      ignored(arg);
      continue;
    }
    // osquery's own flags have one or two hyphens; `--verbose=true` is one of them.
    if (flag.type === 'boolean') kept.push(...(/=(false|0)$/.test(arg) ? [] : [`--${name}`]));
    else if (arg.includes('=')) kept.push(`--${arg.replace(/^-+/, '')}`);
    else kept.push(`--${name}=${args[++i] ?? ''}`);
  }
  const { values, positionals } = parse(kept, known, true);
  return { ...settle(values), positionals };
}

function parse(args: readonly string[], options: Flags, allowPositionals: boolean) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals, strict: true });
  } catch (error) {
    throw new LiveAuditError('USAGE', (error as Error).message.split('. ')[0] ?? 'wrong flags');
  }
}

function settle(values: Record<string, unknown>): Omit<Parsed, 'positionals'> {
  const flags = values as Parsed['flags'];
  const text = (flag: string): string | undefined => {
    const value = flags[flag];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const sources: ConfigSources = {
    file: text('config') ?? (process.env.LIVE_AUDIT_CONFIG || DEFAULT_CONFIG),
    stateDirFlag: text('state-dir'),
    environment: process.env,
  };
  const loaded = loadConfig(sources);
  return { stateDir: loaded.config.state_dir, loaded, sources, flags };
}
