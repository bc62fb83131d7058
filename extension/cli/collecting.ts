/** From the config to what the collector takes. */

import { cgroupId } from '../../native/cgroup.ts';
import type { CollectorOptions } from '../../tables/collector/collector.ts';
import { captures, sources } from '../../tables/index.ts';
import { mysqlSettings } from '../../tables/mysql_queries/settings.ts';
import { spec as mysql } from '../../tables/mysql_queries/spec.ts';
import { shellSettings } from '../../tables/shell_history_live/settings.ts';
import { spec as shell } from '../../tables/shell_history_live/spec.ts';
import { assetsDir } from './assets.ts';
import type { Config } from './config/schema.ts';

export function collectorOptions(config: Config, log: (line: string) => void): CollectorOptions {
  return {
    stateDir: config.state_dir,
    assetsDir,
    captures: captures.filter(({ spec }) => config.tables[spec.name] !== false),
    sources: sources
      .map((source) => ({
        ...source,
        specs: source.specs.filter(({ name }) => config.tables[name] !== false),
      }))
      .filter(({ specs }) => specs.length > 0),
    off: captures.filter(({ spec }) => config.tables[spec.name] === false),
    ringBytes: config.ring_bytes,
    kernelRingBytes: config.kernel_ring_bytes,
    maxText: config.max_text,
    redaction: config.redaction.on ? { rules: config.redaction.rules } : null,
    keepCapture: config.keep_capture,
    parameterBytes: Object.fromEntries(
      Object.entries(config.parameters).map(([table, { on, max_bytes }]) => [
        table,
        on ? max_bytes : 0,
      ]),
    ),
    settings: {
      [shell.name]: shellSettings(config.shell, cgroupId),
      [mysql.name]: mysqlSettings(config.mysql, config.parameters[mysql.name]?.on === true),
    },
    targets: config.targets,
    log,
  };
}
