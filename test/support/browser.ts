// Headless Chromium from Debian's package; where there is none, the tests that need it say so and are skipped.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect } from 'chai';
import { type Browser, chromium, type Page } from 'playwright-core';

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const executablePath = PATHS.find((path) => existsSync(path));

let browser: Promise<Browser> | undefined;

/** Skips the whole suite, loudly, where no Chromium is installed. */
export function needsChromium(suite: Mocha.Context): void {
  if (executablePath) return;
  process.stderr.write('\nNO CHROMIUM: the browser tests are skipped.\n');
  suite.skip();
}

export async function newPage(options: {
  width?: number;
  height?: number;
  dark?: boolean;
  scripts?: boolean;
  cookie?: string;
  url?: string;
}): Promise<Page> {
  browser ??= chromium.launch({
    executablePath: executablePath as string,
    args: [
      ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
    ],
  });
  const context = await (await browser).newContext({
    viewport: { width: options.width ?? 1280, height: options.height ?? 900 },
    colorScheme: options.dark ? 'dark' : 'light',
    javaScriptEnabled: options.scripts ?? true,
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
  });
  if (options.cookie && options.url) {
    const [name = '', value = ''] = options.cookie.split('=');
    await context.addCookies([{ name, value, url: options.url }]);
  }
  return context.newPage();
}

export async function closeBrowser(): Promise<void> {
  await (await browser)?.close();
  browser = undefined;
}

/** Can be read and worked by everybody, and nothing stands over the edge. */
export async function expectFitForAll(page: Page, where: string): Promise<void> {
  // Evaluated by the browser's debugger, which the page's own policy does not bind.
  await page.evaluate(readFileSync(AXE, 'utf8'));
  const faults = await page.evaluate(async () => {
    type Violation = { id: string; impact: string; tags: string[]; nodes: { html: string }[] };
    const { axe } = window as unknown as {
      axe: { run(): Promise<{ violations: Violation[] }> };
    };
    const { violations } = await axe.run();
    const isGrave = ({ impact, tags }: Violation) =>
      ['serious', 'critical'].includes(impact) || tags.some((tag) => /^wcag2aa?$/.test(tag));
    return violations
      .filter(isGrave)
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  });
  expect(faults, where).to.deep.equal([]);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(wide, where).to.be.at.most(0);
}
