import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { type Appliance, anAppliance, type Client, type Json } from '../support/appliance.ts';
import { closeBrowser, needsChromium, newPage } from '../support/browser.ts';
import { OWN_FFMPEG } from '../support/ffmpeg.ts';
import { paddedVideo, video } from '../support/videos.ts';
import { waitUntil } from '../support/wait-until.ts';

const SIZE = 60_000_000;

describe('an upload in a browser', () => {
  let app: Appliance;
  let creator: Client;
  let path: string;
  before(async function () {
    needsChromium(this);
    app = await anAppliance({ ...OWN_FFMPEG, LOG_LEVEL: 'warn' });
    creator = await app.creator();
    path = join(app.data_dir, 'Holiday & sea.mp4');
    writeFileSync(path, await paddedVideo(SIZE));
  });
  after(async () => {
    await closeBrowser();
    await app?.[Symbol.asyncDispose]();
  });

  const opened = async (faults: string[] = [], options: Parameters<typeof newPage>[0] = {}) => {
    const page = await newPage({ cookie: creator.cookie, url: app.url, ...options });
    page.on('pageerror', (error) => faults.push(String(error)));
    page.on('console', (line) => {
      if (line.type() === 'error' && /Content Security/.test(line.text())) faults.push(line.text());
    });
    await page.goto(`${app.url}/media`);
    return page;
  };
  /** As from a home: on this machine alone the file would be there before anybody can pause. */
  async function slow(page: Page, bytesPerSecond: number): Promise<void> {
    const network = await page.context().newCDPSession(page);
    await network.send('Network.emulateNetworkConditions', {
      ...{ offline: false, latency: 0, downloadThroughput: -1 },
      uploadThroughput: bytesPerSecond,
    });
  }
  const barOf = (page: Page) =>
    page.$eval('.uploading progress', (bar) => (bar as HTMLProgressElement).value);
  const unfinished = async (): Promise<Json[]> =>
    (await creator.api('GET', '/v1/uploads')).json['data'];
  const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

  it('pauses, goes on, goes on after a reload of the page, and is the same file to the byte', async () => {
    const faults: string[] = [];
    const page = await opened(faults);
    await slow(page, 6_000_000);
    const sent: number[] = [];
    page.on('request', (request) => {
      if (request.method() === 'PATCH') sent.push(Number(request.headers()['upload-offset']));
    });
    await page.setInputFiles('input[type=file]', path);
    await waitUntil(async () => (await barOf(page)) > 0.1);
    expect(await page.textContent('[data-upload-text]')).to.match(
      /^Uploading Holiday & sea\.mp4: [\d.]+ of 60\.0 MB$/,
    );
    await page.click('[data-pause]');
    expect(await page.textContent('[data-pause]')).to.equal('Continue');
    await waitUntil(async () => ((await unfinished())[0]?.['offset'] ?? 0) > 0);
    const pausedAt = (await unfinished())[0]?.['offset'];
    const bar = await barOf(page);
    await new Promise((done) => setTimeout(done, 1_000));
    expect(await barOf(page), 'while it is paused').to.equal(bar);
    expect((await unfinished())[0]?.['offset']).to.equal(pausedAt);
    await page.click('[data-pause]');
    await waitUntil(async () => (await barOf(page)) > 0.4);

    await page.reload();
    await waitUntil(async () => ((await unfinished())[0]?.['offset'] ?? 0) > pausedAt);
    await page.reload();
    const row = page.locator('li', { hasText: 'Holiday & sea.mp4' });
    expect(await row.textContent()).to.match(/[\d.]+ MB of 60(\.0)? MB arrived/);
    const { offset } = (await unfinished())[0] as Json;
    const chooser = page.waitForEvent('filechooser');
    await page.click('[data-go-on]');
    await (await chooser).setFiles(path);
    await page.waitForURL('**/jobs/new?media=*', { timeout: 60_000 });
    expect(sent).to.have.length(3);
    expect(sent[0]).to.equal(0);
    expect(sent[1]).to.equal(pausedAt);
    // What was on its way when the page was left may still have arrived.
    expect(sent[2]).to.be.at.least(offset);
    expect(offset).to.be.greaterThan(pausedAt);
    const key = new URL(page.url()).searchParams.get('media');
    const { json } = await creator.api('GET', `/v1/media/${key}`);
    expect(json['sha256']).to.equal(sha256(readFileSync(path)));
    expect(await unfinished()).to.deep.equal([]);
    expect(await page.evaluate(() => Object.keys(localStorage))).to.deep.equal([]);
    expect(faults).to.deep.equal([]);
  });

  it('goes on by itself when the server was away', async () => {
    const page = await opened();
    await slow(page, 12_000_000);
    await page.setInputFiles('input[type=file]', path);
    await waitUntil(async () => (await barOf(page)) > 0.3);
    await app.kill();
    await app.start();
    await page.waitForURL('**/jobs/new?media=*', { timeout: 60_000 });
    const key = new URL(page.url()).searchParams.get('media');
    const { json } = await creator.api('GET', `/v1/media/${key}`);
    expect(json['sha256']).to.equal(sha256(readFileSync(path)));
  });

  it('can be cancelled, and discarded without scripts, and nothing of it stays', async () => {
    const page = await opened();
    await slow(page, 6_000_000);
    await page.setInputFiles('input[type=file]', path);
    await waitUntil(async () => (await barOf(page)) > 0.1);
    await page.click('[data-cancel]');
    await page.waitForSelector('.asking:visible');
    expect(await page.isVisible('.drop .fault')).to.equal(false);
    await waitUntil(async () => (await unfinished()).length === 0);

    await page.setInputFiles('input[type=file]', path);
    await waitUntil(async () => (await barOf(page)) > 0.1);
    await page.close();
    await waitUntil(async () => ((await unfinished())[0]?.['offset'] ?? 0) > 0);
    const plain = await opened([], { scripts: false });
    expect(await plain.isVisible('[data-go-on]')).to.equal(false);
    await plain.click('button:has-text("Discard")');
    await plain.waitForURL('**/media');
    expect(await unfinished()).to.deep.equal([]);
  });

  it('takes several files one after another, and says which one was refused, and why', async () => {
    const folder = join(app.data_dir, 'several');
    mkdirSync(folder);
    const [one, two, bad] = ['one.mp4', 'two.mp4', 'bad.mp4'].map((name) => join(folder, name));
    writeFileSync(one as string, await video({ seconds: 1.3 }));
    writeFileSync(two as string, await video({ seconds: 1.4 }));
    writeFileSync(bad as string, 'no video');
    const before = (await creator.api('GET', '/v1/media')).json['data'].length;
    const page = await opened();
    await page.setInputFiles('input[type=file]', [one, two] as string[]);
    await page.waitForURL('**/jobs/new');
    expect((await creator.api('GET', '/v1/media')).json['data']).to.have.length(before + 2);
    await page.goto(`${app.url}/media`);
    await page.setInputFiles('input[type=file]', [one, bad] as string[]);
    await page.waitForSelector('.drop .fault:visible');
    expect(await page.textContent('.drop .fault')).to.match(
      /^bad\.mp4: .*(not a video|kind we do not take)/,
    );
    expect(await page.isVisible('.asking')).to.equal(true);
    expect(await unfinished()).to.deep.equal([]);
  });
});
