/** What the kernel side is told of the config's `shell`. */
import { FILTER_VALUES, FilterLayout } from '../../tables/shell_history_live/records.ts';
import { filterBytes, shellSettings } from '../../tables/shell_history_live/settings.ts';

const list = (bytes: Buffer, at: number) => ({
  mode: bytes.readUInt32LE(at),
  values: Array.from({ length: FILTER_VALUES }, (_, i) => bytes.readUInt32LE(at + 8 + 4 * i)),
});

test('the default: prompts, and no filter', () => {
  const bytes = filterBytes({ sources: ['prompt'] });
  expect(bytes).toHaveLength(FilterLayout.size);
  expect(bytes.readUInt32LE(FilterLayout.sources)).toBe(1);
  expect(bytes.subarray(4).every((byte) => byte === 0)).toBe(true);
});

test('each filter where the layout has it; room that is left over repeats a value', () => {
  const bytes = filterBytes({
    sources: ['stdin', 'command_string', 'stdin'],
    pid: { keep: [7] },
    uid: { drop: [0, 4294967295] },
    auid: { keep: Array.from({ length: FILTER_VALUES }, (_, i) => i) },
    exit_code: { drop: [0] },
  });
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
  expect(shellSettings({ sources: ['prompt'] }).options).toEqual([]);
  for (const source of ['script', 'stdin'] as const)
    expect(shellSettings({ sources: ['prompt', source] }).options).toEqual(['script or stdin']);
  expect(shellSettings({ sources: ['command_string'] }).options).toEqual(['command_string']);
});
