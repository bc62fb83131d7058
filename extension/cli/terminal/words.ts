/** Numbers as people read them. */

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** 16777216 as "16 MiB". */
export function bytesText(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length - 1);
  const value = bytes / 1024 ** power;
  return `${value >= 100 || Number.isInteger(value) ? Math.round(value) : value.toFixed(1)} ${UNITS[power]}`;
}

/** 1234567 as "1,234,567". */
export const countText = (count: number | bigint): string => count.toLocaleString('en-US');

const SPANS = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
] as const;

/** 7200 as "2 h". */
export function spanText(seconds: number): string {
  const span = SPANS.find(([unit]) => seconds >= unit);
  return span
    ? `${Math.floor(seconds / span[0])} ${span[1]}`
    : `${Math.max(0, Math.floor(seconds))} s`;
}

const DURATIONS = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
] as const;

/** @param ns 1234567 as "1.23 ms" */
export function durationText(ns: number): string {
  const [unit, name] = DURATIONS.find(([size]) => ns >= size) ?? [1, 'ns'];
  if (ns >= 100e9) return spanText(ns / 1e9);
  const value = ns / unit;
  return `${unit === 1 ? value : value.toPrecision(3)} ${name}`;
}
