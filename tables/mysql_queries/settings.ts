/** What the config says of servers, as the BPF side is told it (map `mysql_settings`, bpf/mysql.h). */
import { randomInt } from 'node:crypto';
import type { CaptureSettings } from '../collector/capture.ts';

export interface MysqlConfig {
  /** Rows for ping, quit and statistics, too. */
  readonly all_commands: boolean;
}

/** struct mysql_settings */
export const SettingsLayout = { all_commands: 0, parameters: 4, generation: 8, size: 12 } as const;

/** Numbers that tell collectors apart, but for 0. */
const GENERATIONS = 2 ** 32;

/** @param parameters whether the values of executions are wanted */
export function mysqlSettings(config: MysqlConfig, parameters: boolean): CaptureSettings {
  const bytes = Buffer.alloc(SettingsLayout.size);
  bytes.writeUInt32LE(config.all_commands ? 1 : 0, SettingsLayout.all_commands);
  bytes.writeUInt32LE(parameters ? 1 : 0, SettingsLayout.parameters);
  bytes.writeUInt32LE(randomInt(1, GENERATIONS), SettingsLayout.generation);
  return { maps: { mysql_settings: bytes }, options: [] };
}
