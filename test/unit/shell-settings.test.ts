/** What the kernel side is told of the config's `shell`. */
import { FILTER_VALUES, FilterLayout } from '../../tables/shell_history_live/records.ts';
import {
  type CgroupIds,
  filterBytes,
  shellSettings,
} from '../../tables/shell_history_live/settings.ts';

const list = (bytes: Buffer, at: number) => ({
  mode: bytes.readUInt32LE(at),
  values: Array.from({ length: FILTER_VALUES }, (_, i) => bytes.readUInt32LE(at + 8 + 4 * i)),
});

const noCgroup: CgroupIds = () => null;

test('the default: prompts, and no filter', () => {
  const bytes = filterBytes({ sources: ['prompt'] }, noCgroup);
  expect(bytes).toHaveLength(FilterLayout.size);
  expect(bytes.readUInt32LE(FilterLayout.sources)).toBe(1);
  expect(bytes.subarray(4).every((byte) => byte === 0)).toBe(true);
});

test('each filter where the layout has it; room that is left over repeats a value', () => {
  const config = {
    sources: ['stdin', 'command_string', 'stdin'],
    pid: { keep: [7] },
    uid: { drop: [0, 4294967295] },
    auid: { keep: Array.from({ length: FILTER_VALUES }, (_, i) => i) },
    exit_code: { drop: [0] },
  } as const;
  const bytes = filterBytes(config, noCgroup);
  expect(bytes.readUInt32LE(FilterLayout.sources)).toBe(0b1010);
  expect(list(bytes, FilterLayout.pid)).toEqual({ mode: 1, values: Array(FILTER_VALUES).fill(7) });
  expect(list(bytes, FilterLayout.uid)).toEqual({
    mode: 2,
    values: [0, 4294967295, ...Array(FILTER_VALUES - 2).fill(0)],
  });
  expect(list(bytes, FilterLayout.auid)).toEqual({
    mode: 1,
    values: Array.from({ length: FILTER_VALUES }, (_, i) => i),
  });
  expect(list(bytes, FilterLayout.exit_code)).toEqual({
    mode: 2,
    values: Array(FILTER_VALUES).fill(0),
  });
});

test('which probes are attached for what is asked', () => {
  expect(shellSettings({ sources: ['prompt'] }, noCgroup).options).toEqual([]);
  for (const source of ['script', 'stdin'] as const)
    expect(shellSettings({ sources: ['prompt', source] }, noCgroup).options).toEqual([
      'script or stdin',
    ]);
  expect(shellSettings({ sources: ['command_string'] }, noCgroup).options).toEqual([
    'command_string',
  ]);
});

test('cgroups by their ids; those that are not there are 0, and are looked for again', () => {
  const ids = new Map([['/a', 7n]]);
  const config = { sources: ['prompt'], cgroup: { drop: ['/a', '/b'] } } as const;
  const { maps, current } = shellSettings(config, (name) => ids.get(name) ?? null);
  const listed = (bytes: Uint8Array | undefined) => {
    const list = Buffer.from(bytes ?? []).subarray(FilterLayout.cgroup);
    return [list.readUInt32LE(0), list.readBigUInt64LE(8), list.readBigUInt64LE(16)];
  };
  expect(listed(maps.shell_filter)).toEqual([2, 7n, 0n]);
  ids.set('/b', 2n ** 40n);
  expect(listed(current?.().shell_filter)).toEqual([2, 7n, 2n ** 40n]);
  expect(shellSettings({ sources: ['prompt'] }, noCgroup).current).toBeUndefined();
});
