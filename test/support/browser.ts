// Headless Chromium from Debian's package; where there is none, the tests that need it say so and are skipped.
import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
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
