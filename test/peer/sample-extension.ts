/** An extension as a process of its own: `sample-extension.ts SOCKET`. Prints a line for each registration. */
import { serveExtension } from '../../extension/sdk/extension.ts';
import type { ServedTable } from '../../extension/sdk/index.ts';

const numbers: ServedTable = {
  spec: {
    name: 'numbers',
    description: 'Three numbers.',
    evented: false,
    columns: [{ name: 'n', type: 'INTEGER', description: 'A number.' }],
    examples: [],
  },
  generate: ({ columns }) => [1, 2, 3].map((n) => columns.map(() => n)),
};

await serveExtension({
  socket: process.argv[2] ?? '',
  name: 'sample',
  version: '1',
  tables: [numbers],
  timeout: 5,
  interval: 0.3,
  log: () => {},
  onRegistered: (uuid) => process.stdout.write(`${uuid}\n`),
});
