/** What a server's own general log says it was asked: the oracle. */
import fs from 'node:fs';

export interface Logged {
  readonly connection: number;
  readonly command: string;
  readonly text: string;
}

/** A time or tabs, the connection, the command, a tab and the argument, which may go on in lines of its own. */
const ENTRY =
  /^(?:\d{6}\s+\d+:\d\d:\d\d)?\s+(\d+) (Connect|Quit|Query|Init DB|Prepare|Execute|Bulk execute|Close stmt|Reset stmt|Fetch|Field List|Change user|Refresh|Ping|Statistics|Kill|Processlist|Reset connection|Debug|Shutdown|Set option)\t?(.*)$/s;

export function readGeneralLog(path: string): Logged[] {
  const entries: { connection: number; command: string; text: string }[] = [];
  for (const line of fs.readFileSync(path, 'latin1').split('\n')) {
    const entry = ENTRY.exec(line);
    const last = entries.at(-1);
    if (entry) {
      const [, connection = '', command = '', text = ''] = entry;
      entries.push({ connection: Number(connection), command, text });
    } else if (last) last.text += `\n${line}`;
  }
  return entries.map((entry) => ({
    ...entry,
    text: Buffer.from(entry.text, 'latin1').toString('utf8').replace(/\n$/, ''),
  }));
}
