/** What the config says of shells, as the BPF side is told it (map `shell_filter`, bpf/shell.h). Pure. */
import type { CaptureSettings } from '../collector/capture.ts';
import { FILTER_VALUES, FilterLayout, FilterMode, SOURCE_NAMES } from './records.ts';
import { COMMAND_STRING, SCRIPTS } from './targets.ts';

export type SourceName = (typeof SOURCE_NAMES)[number];

/** Only commands with one of these values, or all but those: one of the two. */
export interface ValueFilter {
  readonly keep?: readonly number[] | undefined;
  readonly drop?: readonly number[] | undefined;
}

/** The same by cgroup, with all that are below it: as in /proc/PID/cgroup. */
export interface CgroupFilter {
  readonly keep?: readonly string[] | undefined;
  readonly drop?: readonly string[] | undefined;
}

/** What can be filtered by number: each a member of struct shell_filter. */
export const FILTERED = ['pid', 'uid', 'auid', 'exit_code'] as const;

export type ShellConfig = Readonly<Partial<Record<(typeof FILTERED)[number], ValueFilter>>> & {
  readonly sources: readonly SourceName[];
  readonly cgroup?: CgroupFilter | undefined;
};

/** The id of a cgroup; null: there is none now. */
export type CgroupIds = (name: string) => bigint | null;

/** What is captured where nobody says otherwise. */
export const DEFAULT_SOURCES: readonly SourceName[] = ['prompt'];

export function shellSettings(config: ShellConfig, ids: CgroupIds): CaptureSettings {
  const { sources, cgroup } = config;
  const maps = () => ({ shell_filter: filterBytes(config, ids) });
  return {
    maps: maps(),
    // Cgroups come and go, and one that comes again has another id.
    ...(cgroup && { current: maps }),
    options: [
      ...(sources.includes('command_string') ? [COMMAND_STRING] : []),
      ...(sources.includes('script') || sources.includes('stdin') ? [SCRIPTS] : []),
    ],
  };
}

/** struct shell_filter */
export function filterBytes(config: ShellConfig, ids: CgroupIds): Buffer {
  const bytes = Buffer.alloc(FilterLayout.size);
  const sources = config.sources.map((source) => 1 << SOURCE_NAMES.indexOf(source));
  bytes.writeUInt32LE(
    sources.reduce((bits, bit) => bits | bit, 0),
    FilterLayout.sources,
  );
  for (const name of FILTERED) {
    const filter = config[name];
    if (filter?.keep) writeList(bytes, FilterLayout[name], FilterMode.KEEP, filter.keep);
    else if (filter?.drop) writeList(bytes, FilterLayout[name], FilterMode.DROP, filter.drop);
  }
  const { keep, drop } = config.cgroup ?? {};
  if (keep) writeCgroups(bytes, FilterMode.KEEP, keep.map(ids));
  else if (drop) writeCgroups(bytes, FilterMode.DROP, drop.map(ids));
  return bytes;
}

/** struct filter_list: all of its values are compared, so those that are left over say the first again. */
function writeList(bytes: Buffer, at: number, mode: number, values: readonly number[]): void {
  const [first] = values;
  if (first === undefined) return;
  bytes.writeUInt32LE(mode, at + FilterList.mode);
  for (let i = 0; i < FILTER_VALUES; i++)
    bytes.writeUInt32LE(values[i] ?? first, at + FilterList.values + 4 * i);
}

/** struct cgroup_list: 0 is no cgroup. */
function writeCgroups(bytes: Buffer, mode: number, ids: readonly (bigint | null)[]): void {
  const at = FilterLayout.cgroup;
  bytes.writeUInt32LE(mode, at + FilterList.mode);
  for (const [i, id] of ids.slice(0, FILTER_VALUES).entries())
    bytes.writeBigUInt64LE(id ?? 0n, at + FilterList.values + 8 * i);
}

/** struct filter_list, struct cgroup_list */
const FilterList = { mode: 0, values: 8 } as const;
