/** Which Markdown files are pages of the site, in which order, and where each comes to lie. */
import fs from 'node:fs';
import path from 'node:path';

export interface Page {
  /** Path in the repository. */
  readonly source: string;
  /** Path in the site, with slashes. */
  readonly target: string;
  readonly title: string;
  readonly markdown: string;
}

export interface Group {
  readonly title: string;
  readonly pages: readonly Page[];
}

export interface Site {
  readonly home: Page;
  readonly groups: readonly Group[];
}

/** docs/tables/README.md is tables/index.html. */
const targetOf = (source: string): string =>
  source
    .replace(/^docs\//, '')
    .replace(/README\.md$/, 'index.md')
    .replace(/\.md$/, '.html')
    .toLowerCase();

/** @throws Error for a page without a heading of the first level */
function pageOf(source: string): Page {
  const markdown = fs.readFileSync(source, 'utf8');
  const title = /^# (.+)$/m.exec(markdown)?.[1];
  if (title === undefined) throw new Error(`${source}: no title`);
  return { source, target: targetOf(source), title: title.replaceAll('`', ''), markdown };
}

const pagesIn = (folder: string): string[] =>
  fs
    .readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map((entry) => path.posix.join(folder, entry.name))
    .sort();

/** The index of a folder first, then its pages; `order` names those that come before the others. */
function folder(name: string, order: readonly string[] = []): string[] {
  if (!fs.existsSync(name)) return [];
  const rank = (source: string): number => {
    if (source.endsWith('/README.md')) return -1;
    const at = order.indexOf(path.basename(source, '.md'));
    return at < 0 ? order.length : at;
  };
  return pagesIn(name).sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

const DEPLOY = ['install', 'osquery', 'fleet', 'kolide', 'metrics'];
const REFERENCE = ['configuration', 'command-line', 'errors'];
const PROJECT = ['benchmarks'];
const GUIDES = ['packs', 'session-story', 'redaction', 'threat-model'];

/** @param tables names of all tables, in the order in which they are shown */
export function readSite(tables: readonly string[]): Site {
  const named = (names: readonly string[]) =>
    names.map((name) => `docs/${name}.md`).filter((source) => fs.existsSync(source));
  // A page that nobody has sorted is a guide.
  const guides = folder('docs', GUIDES).filter(
    (source) => ![...REFERENCE, ...PROJECT].includes(path.basename(source, '.md')),
  );
  const groups = [
    { title: 'Deploy', sources: folder('docs/deploy', DEPLOY) },
    { title: 'Tables', sources: folder('docs/tables', tables) },
    { title: 'Guides', sources: guides },
    { title: 'Reference', sources: named(REFERENCE) },
    {
      title: 'Project',
      sources: [...named(PROJECT), 'CONTRIBUTING.md', ...folder('docs/decisions')],
    },
  ];
  return {
    home: { ...pageOf('README.md'), target: 'index.html' },
    groups: groups
      .map(({ title, sources }) => ({ title, pages: sources.map(pageOf) }))
      .filter(({ pages }) => pages.length > 0),
  };
}

export const pagesOf = ({ home, groups }: Site): readonly Page[] => [
  home,
  ...groups.flatMap(({ pages }) => pages),
];
