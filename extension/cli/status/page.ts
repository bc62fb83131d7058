/** `status` as a page for people: who collects, the ledger, what is attached. Pure: state in, lines out. */
import type { Screen, Style } from '../terminal/screen.ts';
import { cut, escapeControls, wrap } from '../terminal/text.ts';
import { countText } from '../terminal/words.ts';
import { probeLines } from './probes.ts';
import { ringLines } from './rings.ts';
import { lossesOf, objects, type Status, type StatusRow } from './state.ts';

export interface PageOptions {
  readonly screen: Screen;
  /** Unix time, s. */
  readonly now: number;
  /** Each probe, not only each program. */
  readonly all: boolean;
}

/** Lines of a page; none is wider than the screen. */
export function statusPage(status: Status, options: PageOptions): string[] {
  const { screen } = options;
  const rings = objects(status.rings);
  const probes = objects(status.probes);
  return [
    ...headLines(status, screen),
    ...verdictLines(rings, probes, status.collectorPid, screen),
    ...section('Tables', ringLines(status, rings, options), screen),
    ...section('Probes', probeLines(probes, options), screen),
  ];
}

function headLines({ version, stateDir, collectorPid }: Status, screen: Screen): string[] {
  const collector = collectorPid === null ? 'nobody collects' : `process ${collectorPid} collects`;
  const style: Style = collectorPid === null ? 'yellow' : 'green';
  const name = `live_audit ${version}`;
  return [
    `${screen.paint('bold', name)}  ${screen.paint(style, cut(collector, screen.width - name.length - 2))}`,
    screen.paint('dim', cut(`state in ${escapeControls(stateDir)}`, screen.width)),
  ];
}

/** What a reader wants to know first. */
function verdictLines(
  rings: readonly StatusRow[],
  probes: readonly StatusRow[],
  collectorPid: number | null,
  screen: Screen,
): string[] {
  const lost = rings.reduce((sum, ring) => sum + lossesOf(ring), 0);
  const failed = probes.filter(({ state }) => state === 'failed').length;
  const said: [Style, string][] = [];
  if (collectorPid === null && rings.length === 0)
    said.push([
      'yellow',
      'Nothing has been captured here yet: `live_audit.ext collect` begins, so does osqueryd with the extension.',
    ]);
  if (lost > 0) said.push(['red', `${countText(lost)} events lost: the reasons are below.`]);
  else if (rings.length > 0) said.push(['green', 'Nothing lost.']);
  if (failed > 0)
    said.push([
      'red',
      `${countText(failed)} ${failed === 1 ? 'probe has' : 'probes have'} failed.`,
    ]);
  return said.flatMap(([style, text]) =>
    wrap(text, screen.width).map((line) => screen.paint(style, line)),
  );
}

const section = (title: string, lines: readonly string[], screen: Screen): string[] =>
  lines.length === 0 ? [] : ['', screen.paint('bold', title), ...lines];
