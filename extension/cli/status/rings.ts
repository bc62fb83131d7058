/** The ledger of each table, and the reasons of what was lost. */
import { type GridColumn, grid } from '../terminal/grid.ts';
import { wrap } from '../terminal/text.ts';
import { bytesText, countText, spanText } from '../terminal/words.ts';
import type { PageOptions } from './page.ts';
import { count, lossesOf, type Status, type StatusRow, word } from './state.ts';

const COLUMNS: readonly GridColumn[] = [
  { title: 'table', cut: 'end' },
  { title: 'seen', align: 'right', spare: 2 },
  { title: 'stored', align: 'right' },
  { title: 'lost', align: 'right' },
  { title: 'overwritten', align: 'right', spare: 4 },
  { title: 'ring', align: 'right', spare: 3 },
  { title: 'back to', align: 'right', spare: 1 },
];

const INDENT = '  ';

export function ringLines(
  { ringColumns }: Status,
  rings: readonly StatusRow[],
  { screen, now }: PageOptions,
): string[] {
  if (rings.length === 0) return [];
  const lines = grid(
    screen,
    COLUMNS,
    rings.map((ring) => {
      const lost = lossesOf(ring);
      return [
        { text: word(ring, 'table_name') },
        { text: countText(count(ring, 'events_seen')) },
        { text: countText(count(ring, 'events_stored')) },
        { text: countText(lost), style: lost > 0 ? ('red' as const) : undefined },
        { text: countText(count(ring, 'overwritten')) },
        { text: fullness(ring) },
        {
          text:
            ring.oldest_time === null ? '' : `${spanText(now - count(ring, 'oldest_time'))} ago`,
        },
      ];
    }),
  );
  for (const ring of rings)
    for (const { name, description } of ringColumns) {
      if (!name.startsWith('lost_') || count(ring, name) === 0) continue;
      const text = `${word(ring, 'table_name')} ${name} ${countText(count(ring, name))}: ${description}`;
      for (const [i, line] of wrap(text, screen.width - INDENT.length).entries())
        lines.push(`${i === 0 ? '' : INDENT}${screen.paint('red', line)}`);
    }
  return lines;
}

function fullness(ring: StatusRow): string {
  const capacity = count(ring, 'capacity');
  const percent = capacity === 0 ? 0 : Math.ceil((100 * count(ring, 'used')) / capacity);
  return `${percent} % of ${bytesText(capacity)}`;
}
