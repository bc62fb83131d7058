/** `npm run site`: the documentation as a static site, from docs/ and the table specs, into build/site. */
import fs from 'node:fs';
import path from 'node:path';
import { specs } from '../../tables/index.ts';
import { Renderer } from './markdown.ts';
import { pagesOf, readSite } from './pages.ts';
import { searchEntries, searchScript } from './search-index.ts';
import { frame } from './template.ts';

const ASSETS = 'scripts/site/assets';

/** @returns paths of the pages in `out` */
export function buildSite(out: string): string[] {
  const site = readSite(specs.map(({ name }) => name));
  const pages = pagesOf(site);
  const renderer = new Renderer(pages);
  const rendered = pages.map((page) => ({ page, rendered: renderer.render(page) }));
  fs.rmSync(out, { recursive: true, force: true });
  const write = (target: string, text: string) => {
    fs.mkdirSync(path.dirname(path.join(out, target)), { recursive: true });
    fs.writeFileSync(path.join(out, target), text);
  };
  for (const { page, rendered: html } of rendered) write(page.target, frame(site, page, html));
  write('search-entries.js', searchScript(searchEntries(rendered)));
  for (const asset of fs.readdirSync(ASSETS))
    fs.copyFileSync(path.join(ASSETS, asset), path.join(out, asset));
  return pages.map(({ target }) => target);
}

if (import.meta.main) {
  const out = 'build/site';
  console.log(`==> site: ${buildSite(out).length} pages in ${out}`);
}
