/** The config key `metrics`. */
import { z } from 'zod';

const MAX_PORT = 65_535;
/** s */
const MAX_INTERVAL = 3600;
export const METRICS_INTERVAL = 15;

/** Off where there is neither file nor port. */
export interface MetricsConfig {
  readonly file?: string | undefined;
  readonly port?: number | undefined;
  /** s */
  readonly interval: number;
}

export const METRICS_KEYS = ['file', 'port', 'interval'] as const;

const wholeNumber = (max: number) => {
  const error = `must be a whole number from 1 to ${max}`;
  return z.number({ error }).refine((n) => Number.isInteger(n) && n >= 1 && n <= max, { error });
};

/** @param absolutePath as all keys that are paths have it */
export const metricsSchema = (absolutePath: z.ZodType<string>) =>
  z
    .strictObject(
      {
        file: absolutePath.optional(),
        port: wholeNumber(MAX_PORT).optional(),
        interval: wholeNumber(MAX_INTERVAL).optional(),
      },
      { error: 'must be an object with file, port and interval' },
    )
    .meta({
      values: `object with \`file\` (absolute path), \`port\` (whole number from 1 to ${MAX_PORT}) and \`interval\` (whole number from 1 to ${MAX_INTERVAL}, s)`,
      description: `The ledger for Prometheus, by the process that collects: a file for node_exporter that is written each \`interval\` (${METRICS_INTERVAL} where it is not given), a port on 127.0.0.1 with \`/metrics\`, or both. Off where neither is named. Also \`collect --metrics-file\`. See docs/deploy/metrics.md.`,
    });
