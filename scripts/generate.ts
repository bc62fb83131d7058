/**
 * Writes what follows from the table specs, the packs, the error codes and the config's schema: pages of docs/,
 * packaging/{fleet,launcher,packs}. `npm run check` fails when they differ from what is committed.
 */
import fs from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { COMPLETIONS } from '../extension/cli/commands/completion.ts';
import { configurationPage } from '../extension/cli/config/document.ts';
import { commandLinePage } from '../extension/cli/manual/document.ts';
import { manPage } from '../extension/cli/manual/man-page.ts';
import { fleet, launcher, markdown } from '../extension/cli/spec-formats.ts';
import { VERSION } from '../extension/cli/version.ts';
import { ERROR_CODES } from '../native/errors.ts';
import { packsPage } from '../packaging/schedule/document.ts';
import { packs } from '../packaging/schedule/index.ts';
import { fleetQueries, packFile } from '../packaging/schedule/pack.ts';
import { costSection } from '../tables/costs.ts';
import { specs } from '../tables/index.ts';

const ROOT = path.dirname(import.meta.dirname);
const NOTE = 'Written by `npm run generate`: do not edit.';

function write(file: string, text: string): void {
  const target = path.join(ROOT, file);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.writeFileSync(target, text);
}

/** An emptied folder, so that the page of a table that is gone goes too. */
function clear(folder: string): void {
  fs.rmSync(path.join(ROOT, folder), { recursive: true, force: true });
}

clear('docs/tables');
clear('packaging/fleet');
for (const spec of specs) {
  write(
    `docs/tables/${spec.name}.md`,
    `<!-- ${NOTE} -->\n\n${markdown([spec])}${costSection(spec.name)}`,
  );
  write(`packaging/fleet/${spec.name}.yml`, `# ${NOTE}\n${fleet([spec])}`);
}
write('packaging/launcher/launcher-schema.json', launcher(specs));
write(
  'docs/tables/README.md',
  `<!-- ${NOTE} -->\n\n# Tables\n\n| table | what |\n| --- | --- |\n${specs
    .map(({ name, description }) => `| [${name}](${name}.md) | ${description} |\n`)
    .join('')}`,
);

const cell = (text: string) => text.replaceAll('|', '\\|');
write(
  'docs/errors.md',
  `<!-- ${NOTE} -->\n\n# Errors\n\nEvery error is one line on the standard error: what is wrong, its code in brackets, what to do. Exit code 1 is a failure, 2 wrong use.\n\n\`\`\`\nlive_audit: /run/live-audit: process 4242 collects [COLLECTOR_RUNS]: nothing to do: \`query\`, \`tail\` and the extension read what it captures\n\`\`\`\n\nWhat keeps one program or table from being captured stands in \`live_audit_probes.last_error\` and in \`status\`, with the same codes.\n\n| code | exit | meaning | what to do |\n| --- | --- | --- | --- |\n${Object.entries(
    ERROR_CODES,
  )
    .map(
      ([name, { exit, meaning, remedy }]) =>
        `| \`${name}\` | ${exit} | ${cell(meaning)} | ${cell(remedy)} |\n`,
    )
    .join('')}`,
);

write('docs/configuration.md', `<!-- ${NOTE} -->\n\n${configurationPage()}`);

clear('packaging/packs');
for (const pack of packs) write(`packaging/packs/${pack.name}.conf`, packFile(pack));
write('docs/packs.md', `<!-- ${NOTE} -->\n\n${packsPage(packs)}`);
write(
  'packaging/fleet/live-audit.queries.yml',
  `# ${NOTE}\n${stringify(fleetQueries(packs), { lineWidth: 0 })}`,
);

const errors = Object.entries(ERROR_CODES).map(([code, error]) => ({ code, ...error }));
write('docs/man/live_audit.ext.1', manPage(VERSION, specs, errors));
// The name that the packages give the program in /usr/bin.
write('docs/man/live-audit.1', '.so man1/live_audit.ext.1\n');
write('packaging/completion/bash/live_audit.ext', COMPLETIONS.bash?.() ?? '');
// bash looks for a file of the command's own name.
write('packaging/completion/bash/live-audit', `. "\${BASH_SOURCE[0]%/*}/live_audit.ext"\n`);
write('packaging/completion/zsh/_live_audit', COMPLETIONS.zsh?.() ?? '');
write('docs/command-line.md', `<!-- ${NOTE} -->\n\n${commandLinePage()}`);
