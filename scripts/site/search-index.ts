/** What the search box finds: pages, headings, and the names in tables (columns, keys, errors). */
import type { Rendered } from './markdown.ts';
import type { Page } from './pages.ts';

/** name, where it is, a few words about it, address */
export type Entry = readonly [name: string, place: string, about: string, url: string];

const MAX_ABOUT = 120;

export function searchEntries(pages: readonly { page: Page; rendered: Rendered }[]): Entry[] {
  return pages.flatMap(({ page: { title, target }, rendered }): Entry[] => [
    [title, '', '', target],
    ...rendered.headings
      .filter(({ level }) => level > 1)
      .map(({ id, text }): Entry => [text, title, '', `${target}#${id}`]),
    ...rendered.entries.map(
      ({ id, name, text }): Entry => [name, title, text.slice(0, MAX_ABOUT), `${target}#${id}`],
    ),
  ]);
}

/** A script and not JSON: it loads from a file too. */
export const searchScript = (entries: readonly Entry[]): string =>
  `window.searchEntries = ${JSON.stringify(entries)};\n`;
