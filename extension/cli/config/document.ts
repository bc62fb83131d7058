/** docs/configuration.md, from the schema. */
import { DEFAULT_CONFIG } from './file.ts';
import { OSQUERY_PREFIX } from './osquery.ts';
import { CONFIG_KEYS, DEFAULTS, schema, TABLES } from './schema.ts';

const EXAMPLE = {
  ring_bytes: 64 * 1024 * 1024,
  max_text: 65536,
  targets: [{ program: 'bash', path: '/opt/tools/bin/bash' }],
} as const;

const cell = (text: string): string => text.replaceAll('|', '\\|');

/** Markdown. */
export function configurationPage(): string {
  const rows = CONFIG_KEYS.map((key) => {
    const { values, description } = schema.shape[key].meta() ?? {};
    return `| \`${key}\` | ${cell(String(values))} | \`${JSON.stringify(DEFAULTS[key])}\` | ${cell(String(description))} |`;
  });
  return `# Configuration

The config is JSON, in \`${DEFAULT_CONFIG}\` or where \`--config\` or \`LIVE_AUDIT_CONFIG\` says. A missing file and \`{}\` mean the defaults. The file must belong to root or to the user that runs live_audit, and nobody else may write it.

A wrong config is refused whole, in one line with the file, the key and the reason; the last good one stays in use. The file is read again when it changes and at SIGHUP.

| key | values | default | what |
| --- | --- | --- | --- |
${rows.join('\n')}

Sizes are whole numbers of bytes. Tables: ${TABLES.map((table) => `\`${table}\``).join(', ')}.

\`\`\`json
${JSON.stringify(EXAMPLE, null, 2)}
\`\`\`

## What goes first

A flag, then the environment, then osquery's options, then the file, then the default: for each key as a whole. \`state_dir\` is the key that has a flag and a variable. An empty flag or variable is not given.

## From osquery

osquery's own config may hold the same keys as \`options\`, each with \`${OSQUERY_PREFIX}\` before its name and a text as its value: \`state_dir\` as it stands, the others as JSON. Only the extension sees them.

\`\`\`json
${JSON.stringify(
  {
    options: {
      [`${OSQUERY_PREFIX}max_text`]: '65536',
      [`${OSQUERY_PREFIX}targets`]: JSON.stringify(EXAMPLE.targets),
    },
  },
  null,
  2,
)}
\`\`\`
`;
}
