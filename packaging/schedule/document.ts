/** docs/packs.md, from the packs. Markdown. */
import { type Pack, type PackQuery, sqlOf } from './pack.ts';

const UNITS = [
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
] as const;

/** 300 as "every 5 minutes". */
function every(seconds: number): string {
  for (const [unit, name] of UNITS) {
    if (seconds % unit !== 0) continue;
    const count = seconds / unit;
    return count === 1 ? `every ${name}` : `every ${count} ${name}s`;
  }
  return `every ${seconds} s`;
}

const LOGGED = {
  events: 'each event once (`removed: false`)',
  changes: 'what is new (`removed: false`)',
  snapshot: 'the whole result (`snapshot: true`)',
} as const satisfies Record<PackQuery['kind'], string>;

function queryText(query: PackQuery): string {
  return `### ${query.name}

${query.description} ${query.why}

| runs | logs | cost |
| --- | --- | --- |
| ${every(query.interval)} | ${LOGGED[query.kind]} | ${query.cost} |

\`\`\`sql
${sqlOf(query)};
\`\`\`
`;
}

const packText = ({ name, title, about, queries }: Pack): string =>
  `## ${title[0]?.toUpperCase()}${title.slice(1)}

${about} File: \`packaging/packs/${name}.conf\`.

${queries.map(queryText).join('\n')}`;

export const packsPage = (packs: readonly Pack[]): string => `# Packs

Ready queries for osquery's schedule, in \`packaging/packs\` (the packages put them into \`/usr/share/live-audit/packs\`). A pack is taken up by naming its file in osquery's config:

\`\`\`json
{
  "packs": {
    "live_audit_shells": "/usr/share/live-audit/packs/live-audit-shells.conf"
  }
}
\`\`\`

For Fleet the same queries are in \`packaging/fleet/live-audit.queries.yml\`; [deploy/fleet](deploy/fleet.md) and [deploy/kolide](deploy/kolide.md) go step by step.

| pack | queries |
| --- | --- |
${packs
  .map(
    ({ title, name, queries }) =>
      `| [${title}](#${title.toLowerCase().replaceAll(' ', '-')}) (\`${name}\`) | ${queries.map((query) => query.name).join(', ')} |`,
  )
  .join('\n')}

## How they read events

Every query over events has a name of its own as [consumer](decisions/2026-11-21-consumers.md): \`WHERE consumer = 'pack_shell_commands'\` gives what that query has not had yet, so a run costs what is new and not what is stored. Each event is logged at least once, also over restarts of osquery; \`eid\` tells the ones that came twice. The queries below are shown without that condition, as they can be tried by hand:

\`\`\`sh
live_audit.ext query "SELECT time, uid, command, exit_code FROM shell_history_live ORDER BY eid DESC LIMIT 20"
\`\`\`

What one session did over shells and databases is a query to ask by hand, not to schedule: [one session, one story](session-story.md).

Each pack has a discovery query for its tables. osquery asks it when it starts and then once an hour (\`pack_refresh_interval\`), so let it wait for the extension: \`--extensions_require=live_audit --extensions_timeout=10\`.

${packs.map(packText).join('\n')}`;
