/** The documentation site in a real browser: every page, light and dark, on a phone and on a desk. */
import fs from 'node:fs';
import type http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import axe from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { buildSite } from '../../scripts/site/build.ts';
import { specs } from '../../tables/index.ts';
import { browserPath, serve, startBrowser } from './browser.ts';

const PHONE = { width: 360, height: 740 };
const DESK = { width: 1280, height: 900 };
const THEMES = ['light', 'dark'] as const;

const folder = fs.mkdtempSync(path.join(tmpdir(), 'site-'));
const pages = buildSite(folder);
afterAll(() => fs.rmSync(folder, { recursive: true }));

const read = (target: string): string => fs.readFileSync(path.join(folder, target), 'utf8');
const idsOf = (html: string): string[] =>
  [...html.matchAll(/ id="([^"]+)"/g)].map((m) => m[1] ?? '');

test('every table, every column and every error has an address; ids are unique', () => {
  for (const { name, columns } of specs) {
    const ids = idsOf(read(`tables/${name}.html`));
    for (const column of columns) expect(ids).toContain(column.name.toLowerCase());
  }
  expect(idsOf(read('errors.html'))).toContain('ring_damaged');
  for (const page of pages) {
    const ids = idsOf(read(page));
    expect([page, ids.filter((id, i) => ids.indexOf(id) !== i)]).toEqual([page, []]);
  }
});

test('no broken link within the site; nothing is loaded from elsewhere', () => {
  const ids = new Map(pages.map((page) => [page, idsOf(read(page))]));
  const broken: string[] = [];
  for (const page of pages)
    for (const [, attribute, url = ''] of read(page).matchAll(/<[^>]+ (href|src)="([^"]*)"/g)) {
      if (/^https:/.test(url) && attribute === 'href') continue;
      const [file = '', fragment] = url.split('#');
      const target = file === '' ? page : path.posix.join(path.posix.dirname(page), file);
      const there = fs.existsSync(path.join(folder, target));
      const anchored = fragment === undefined || ids.get(target)?.includes(fragment) === true;
      if (!there || !anchored) broken.push(`${page}: ${url}`);
    }
  expect(broken).toEqual([]);
  for (const page of pages)
    expect(read(page)).not.toMatch(/<(link|script|img|iframe)[^>]+(href|src)="(https?:)?\/\//);
});

const describeBrowser = browserPath === undefined ? describe.skip : describe;

describeBrowser(
  `in a browser${browserPath === undefined ? ' (skipped: no Chromium is installed)' : ''}`,
  () => {
    let browser: Browser;
    let context: BrowserContext;
    let page: Page;
    let server: http.Server;
    let address: string;
    const said: string[] = [];

    beforeAll(async () => {
      ({ server, address } = await serve(folder));
      browser = await startBrowser();
      context = await browser.newContext({ viewport: DESK });
      page = await context.newPage();
      page.on('console', (message) => said.push(`${page.url()}: ${message.text()}`));
      page.on('pageerror', (error) => said.push(`${page.url()}: ${error.message}`));
      page.on('response', (response) => {
        if (response.status() >= 400) said.push(`${response.url()}: ${response.status()}`);
      });
      page.on('request', (request) => {
        if (!request.url().startsWith(address)) said.push(`outside: ${request.url()}`);
      });
    }, 60_000);
    afterAll(async () => {
      await browser.close();
      server.close();
    });

    /** Elements that reach beyond the window, where the page as a whole can be pushed aside. */
    const sideways = () =>
      page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        if (scrollWidth <= clientWidth) return [];
        return [...document.querySelectorAll('body *')]
          .filter((element) => element.getBoundingClientRect().right > clientWidth + 1)
          .map((element) => `${element.tagName}.${element.className}`)
          .slice(0, 5);
      });

    /** @param whole with the bar and the navigation, which are the same on every page */
    const faults = (rules: readonly string[] | null, whole: boolean) =>
      page.evaluate(
        async ([only, all]) => {
          const run =
            only === null ? {} : { runOnly: { type: 'rule' as const, values: [...only] } };
          const { violations } = await (
            window as unknown as { axe: typeof import('axe-core') }
          ).axe.run(all ? document : { exclude: ['header', '#pages'] }, {
            ...run,
            resultTypes: ['violations'],
          });
          return violations.flatMap(({ id, nodes }) =>
            nodes
              .slice(0, 3)
              .map((node) => `${id}: ${node.target.join(' ')}: ${node.failureSummary}`),
          );
        },
        [rules, whole] as const,
      );

    test.each(pages)('%s', async (target) => {
      said.length = 0;
      await page.goto(`${address}/${target}`);
      await page.evaluate(axe.source);
      for (const colorScheme of THEMES)
        for (const viewport of [PHONE, DESK]) {
          await page.emulateMedia({ colorScheme });
          await page.setViewportSize(viewport);
          const where = `${colorScheme} ${viewport.width}`;
          expect([where, await sideways()]).toEqual([where, []]);
          // All rules on a desk in the light; colours once more on a phone in the dark.
          const [light, phone] = [colorScheme === 'light', viewport === PHONE];
          const whole = target === 'index.html';
          if (light === phone && !whole) continue;
          const rules = light && !phone ? null : ['color-contrast'];
          expect([where, await faults(rules, whole)]).toEqual([where, []]);
        }
      expect(said).toEqual([]);
    });

    test('the reader’s choice of light or dark goes before the system’s, and stays', async () => {
      await page.emulateMedia({ colorScheme: 'light' });
      const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const light = await paper();
      await page.click('.theme');
      const dark = await paper();
      expect(dark).not.toBe(light);
      await page.goto(`${address}/tables/index.html`);
      expect(await paper()).toBe(dark);
      await page.emulateMedia({ colorScheme: 'dark' });
      await page.click('.theme');
      expect(await paper()).toBe(light);
      await page.evaluate(() => localStorage.clear());
    });

    test('the search finds tables, columns, keys and errors, by keyboard alone', async () => {
      await page.setViewportSize(DESK);
      await page.goto(`${address}/index.html`);
      const first = async (text: string) => {
        await page.keyboard.press('/');
        await page.keyboard.type(text);
        await page.waitForSelector('#found li');
        await page.keyboard.press('ArrowDown');
        await page.keyboard.press('Enter');
        await page.waitForURL((url) => url.hash !== '' || url.pathname.includes('tables'));
        const { pathname, hash } = new URL(page.url());
        await page.goto(`${address}/index.html`);
        return pathname + hash;
      };
      expect(await first('mysql_queries')).toBe('/tables/mysql_queries.html');
      expect(await first('remote_addr')).toBe('/tables/shell_history_live.html#remote_address');
      expect(await first('ring_dam')).toBe('/errors.html#ring_damaged');
      expect(await first('keep_capture')).toBe('/configuration.html#keep_capture');
      await page.fill('.search input', 'qqqq');
      expect(await page.locator('#found li').count()).toBe(0);
    });

    test('on a phone the pages are behind a menu', async () => {
      await page.setViewportSize(PHONE);
      await page.goto(`${address}/errors.html`);
      expect(await page.isVisible('#pages')).toBe(false);
      await page.click('.menu');
      expect(await page.isVisible('#pages')).toBe(true);
      expect(await page.getAttribute('.menu', 'aria-expanded')).toBe('true');
      await page.evaluate(axe.source);
      expect(await faults(['color-contrast'], true)).toEqual([]);
      expect(await sideways()).toEqual([]);
    });
  },
);
