/** Markdown to HTML: headings with anchors, code in colours, tables in boxes that scroll, links within the site. */
import path from 'node:path';
import hljs from 'highlight.js/lib/core';
import bash from 'highlight.js/lib/languages/bash';
import ini from 'highlight.js/lib/languages/ini';
import json from 'highlight.js/lib/languages/json';
import sql from 'highlight.js/lib/languages/sql';
import yaml from 'highlight.js/lib/languages/yaml';
import MarkdownIt from 'markdown-it';
import anchor from 'markdown-it-anchor';
import type { Page } from './pages.ts';

for (const [name, language] of Object.entries({ bash, ini, json, sql, yaml }))
  hljs.registerLanguage(name, language);
hljs.registerAliases('sh', { languageName: 'bash' });

export interface Heading {
  readonly level: number;
  readonly id: string;
  readonly text: string;
}

export interface Rendered {
  readonly html: string;
  readonly headings: readonly Heading[];
  /** Names in the first column of a table, each with its id and the text of the last column. */
  readonly entries: readonly {
    readonly id: string;
    readonly name: string;
    readonly text: string;
  }[];
}

type Token = ReturnType<InstanceType<typeof MarkdownIt>['parse']>[number];

/** As the anchors of forges are made, so that links between files hold in both places. */
export const slug = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-');

const EXTERNAL = /^[a-z]+:/i;

/** @param pages by path in the repository */
export class Renderer {
  readonly #pages: ReadonlyMap<string, Page>;
  readonly #markdown = new MarkdownIt({ html: false, linkify: false, highlight });

  constructor(pages: readonly Page[]) {
    this.#pages = new Map(pages.map((page) => [page.source, page]));
    this.#markdown.use(anchor, { slugify: slug, tabIndex: false });
    const { rules } = this.#markdown.renderer;
    rules.table_open = () =>
      '<div class="scroll" role="group" aria-label="Table" tabindex="0"><table>\n';
    rules.table_close = () => '</table></div>\n';
    const fence = rules.fence;
    rules.fence = (...given) =>
      (fence?.(...given) ?? '').replace(
        '<pre>',
        '<pre tabindex="0" role="group" aria-label="Code">',
      );
  }

  /** @throws Error for a link to a page that is not there */
  render(page: Page): Rendered {
    // The note to those who would edit a generated page; comments are no HTML here.
    const source = page.markdown.replace(/^<!--[\s\S]*?-->\s*/, '');
    const tokens = this.#markdown.parse(source, {});
    for (const token of tokens) this.#links(page, token);
    const entries = nameRows(tokens);
    emptyHeaders(tokens);
    return {
      html: this.#markdown.renderer.render(tokens, this.#markdown.options, {}),
      headings: headingsOf(tokens),
      entries,
    };
  }

  #links(page: Page, token: Token): void {
    const children = token.children ?? [];
    for (const [i, child] of children.entries()) {
      if (child.type !== 'link_open') continue;
      const href = String(child.attrGet('href'));
      const resolved = this.#resolve(page, href);
      if (resolved !== null) child.attrSet('href', resolved);
      else {
        // A file of the repository that is no page: its text alone.
        const close = children.findIndex((c, at) => at > i && c.type === 'link_close');
        child.type = 'text';
        const end = children[close];
        if (end) end.type = 'text';
      }
    }
  }

  /** @returns null for a file that is no page */
  #resolve(page: Page, href: string): string | null {
    if (EXTERNAL.test(href) || href.startsWith('#')) return href;
    const [file = '', fragment] = href.split('#');
    const joined = path.posix.join(path.posix.dirname(page.source), decodeURI(file));
    const source = [joined, path.posix.join(joined, 'README.md')].find((s) => this.#pages.has(s));
    const found = source === undefined ? undefined : this.#pages.get(source);
    if (!found) {
      if (joined.startsWith('docs/'))
        throw new Error(`${page.source}: no page for the link ${href}`);
      return null;
    }
    const relative = path.posix.relative(path.posix.dirname(page.target), found.target);
    return fragment === undefined ? relative : `${relative}#${fragment}`;
  }
}

/** The HTML inside of a code block; '' leaves it to markdown-it, which escapes it. */
function highlight(code: string, language: string): string {
  return hljs.getLanguage(language) ? hljs.highlight(code, { language }).value : '';
}

const plain = (token: Token | undefined): string =>
  (token?.children ?? [])
    .filter(({ type }) => type === 'text' || type === 'code_inline')
    .map(({ content }) => content)
    .join('');

function headingsOf(tokens: readonly Token[]): Heading[] {
  return tokens.flatMap((token, i) =>
    token.type === 'heading_open'
      ? [
          {
            level: Number(token.tag.slice(1)),
            id: String(token.attrGet('id')),
            text: plain(tokens[i + 1]),
          },
        ]
      : [],
  );
}

/** A corner without a word is no header. */
function emptyHeaders(tokens: readonly Token[]): void {
  for (const [i, token] of tokens.entries()) {
    const close = tokens[i + 2];
    if (token.type !== 'th_open' || tokens[i + 1]?.content !== '' || !close) continue;
    token.tag = 'td';
    close.tag = 'td';
  }
}

/** A row whose first cell is a name in code gets an id, so that a column, a key or an error can be linked to. */
function nameRows(tokens: readonly Token[]): Rendered['entries'] {
  const taken = new Set(
    tokens.flatMap((token) => (token.type === 'heading_open' ? [token.attrGet('id')] : [])),
  );
  const entries: { id: string; name: string; text: string }[] = [];
  let row: Token | null = null;
  let cells: string[] = [];
  let name: string | null = null;
  for (const [i, token] of tokens.entries()) {
    if (token.type === 'tr_open') {
      row = token;
      cells = [];
      name = null;
    } else if (token.type === 'td_open') {
      const inline = tokens[i + 1];
      if (cells.length === 0 && inline?.children?.[0]?.type === 'code_inline')
        name = inline.children[0].content;
      cells.push(plain(inline));
    } else if (token.type === 'tr_close' && row && name !== null) {
      const id = slug(name);
      if (taken.has(id) || !/^[\w-]+$/.test(id)) continue;
      taken.add(id);
      row.attrSet('id', id);
      entries.push({ id, name, text: cells.at(-1) ?? '' });
    }
  }
  return entries;
}
