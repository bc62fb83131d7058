/** The frame of a page. */
import path from 'node:path';
import type { Rendered } from './markdown.ts';
import type { Page, Site } from './pages.ts';

/** In this order: later ones may go before earlier ones. */
const STYLES = ['colours', 'bar', 'frame', 'text'] as const;

export const NAME = 'osquery live audit';

export const escapeHtml = (text: string): string =>
  text.replace(
    /[&<>"]/g,
    (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c] ?? c,
  );

/** Dates before the titles of decisions are of no use in a list. */
const short = (title: string): string => title.replace(/^\d{4}-\d\d-\d\d:\s*/, '');

function navigation(site: Site, page: Page, to: (target: string) => string): string {
  return site.groups
    .map(({ title, pages }) => {
      const items = pages.map((other) => {
        const current = other === page ? ' aria-current="page"' : '';
        return `<li><a href="${to(other.target)}"${current}>${escapeHtml(short(other.title))}</a></li>`;
      });
      const open = pages.includes(page) || pages.length < 12 ? ' open' : '';
      return `<details${open}><summary>${title}</summary><ul>${items.join('')}</ul></details>`;
    })
    .join('\n');
}

/** What is on the page, where it is long enough to ask. */
function contents({ headings }: Rendered): string {
  const shown = headings.filter(({ level }) => level === 2 || level === 3);
  if (shown.length < 3) return '';
  const items = shown.map(
    ({ level, id, text }) =>
      `<li class="level-${level}"><a href="#${id}">${escapeHtml(text)}</a></li>`,
  );
  return `<nav class="contents" aria-label="On this page"><h2>On this page</h2><ul>${items.join('')}</ul></nav>`;
}

/** The pages before and after it in the navigation. */
function neighbours(site: Site, page: Page, to: (target: string) => string): string {
  const pages = site.groups.flatMap((group) => group.pages);
  const at = pages.indexOf(page);
  if (at < 0) return '';
  const link = (other: Page | undefined, rel: string, word: string) =>
    other
      ? `<a rel="${rel}" href="${to(other.target)}"><span>${word}</span>${escapeHtml(short(other.title))}</a>`
      : '<span></span>';
  return `<nav class="neighbours" aria-label="Neighbours">${link(pages[at - 1], 'prev', 'Previous')}${link(pages[at + 1], 'next', 'Next')}</nav>`;
}

/** Of the home page: where most readers want to go, before its first section. */
function withStart({ html }: Rendered, site: Site): string {
  const links = site.groups
    .filter(({ title }) => title !== 'Project')
    .map(({ title, pages: [first] }) => `<a href="${first?.target}">${title}</a>`);
  return html.replace('<h2', `<nav class="start" aria-label="Start">${links.join('')}</nav>\n<h2`);
}

export function frame(site: Site, page: Page, rendered: Rendered): string {
  const to = (target: string) => path.posix.relative(path.posix.dirname(page.target), target);
  const isHome = page === site.home;
  const title = isHome ? NAME : `${short(page.title)} · ${NAME}`;
  return `<!doctype html>
<html lang="en" data-root="${to('') || '.'}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="${to('icon.svg')}" type="image/svg+xml">
${STYLES.map((name) => `<link rel="stylesheet" href="${to(`${name}.css`)}">`).join('\n')}
<script src="${to('theme.js')}"></script>
<script src="${to('site.js')}" defer></script>
</head>
<body${isHome ? ' class="home"' : ''}>
<a class="skip" href="#main">Skip to the text</a>
<header>
<button type="button" class="menu" aria-expanded="false" aria-controls="pages">Menu</button>
<a class="name" href="${to('index.html')}"><img src="${to('icon.svg')}" alt="" width="24" height="24">${NAME}</a>
<div class="search" role="search"><input type="search" placeholder="Search tables, columns, errors" aria-label="Search" role="combobox" aria-expanded="false" aria-controls="found" aria-autocomplete="list" autocomplete="off"><ul id="found" role="listbox" aria-label="Found" hidden></ul></div>
<button type="button" class="theme" aria-label="Change between light and dark"></button>
</header>
<div class="columns">
<nav id="pages" aria-label="Pages">
${navigation(site, page, to)}
</nav>
<main id="main">
<article>
${isHome ? withStart(rendered, site) : rendered.html}</article>
${neighbours(site, page, to)}
</main>
${contents(rendered)}
</div>
</body>
</html>
`;
}
