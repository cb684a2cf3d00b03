// Shows in a browser how a creator leaves.
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { type Appliance, anAppliance, type Client } from '../support/appliance.ts';
import { closeBrowser, expectFitForAll, needsChromium, newPage } from '../support/browser.ts';
import { unzip } from '../support/unzip.ts';
import { video } from '../support/videos.ts';

describe('leaving in a browser', () => {
  let app: Appliance;
  const faults: string[] = [];
  before(async function () {
    needsChromium(this);
    app = await anAppliance({ LOG_LEVEL: 'warn', OPERATOR_NAME: 'Studio Nord' });
  });
  beforeEach(() => {
    faults.length = 0;
  });
  after(async () => {
    await closeBrowser();
    await app?.[Symbol.asyncDispose]();
  });

  async function open(client: Client, options: Parameters<typeof newPage>[0] = {}): Promise<Page> {
    const page = await newPage({ cookie: client.cookie, url: app.url, ...options });
    page.on('pageerror', (error) => faults.push(String(error)));
    page.on('console', (line) => line.type() === 'error' && faults.push(line.text()));
    return page;
  }

  async function withPost(username: string): Promise<Client> {
    const client = await app.creator(username);
    const { json } = await client.upload(await video());
    const posted = await client.api('POST', '/v1/jobs', client.job(json['storage_key']));
    await client.ended(posted.json['id']);
    return client;
  }

  async function leave(page: Page, confirm: string): Promise<void> {
    await page.goto(`${app.url}/sign-out`);
    await page.fill('#confirm', confirm);
    await page.click('button.danger');
    await page.waitForURL('**/deletions/*');
  }

  it('goes from the navigation, by way of the download, to a receipt that stands still', async () => {
    const client = await withPost('leaves.by.click');
    const page = await open(client);
    await page.goto(`${app.url}/jobs`);
    await page.click('nav >> text=Sign out');
    await page.waitForURL('**/sign-out');
    const begun = page.waitForEvent('download');
    await page.click('text=Download my data first');
    const download = await begun;
    expect(download.suggestedFilename()).to.match(/^pm3k-export-[\d-]+\.zip$/);
    const entries = await unzip(readFileSync(await download.path()));
    expect(entries.get('data/creators.json')?.toString()).to.contain('leaves.by.click');
    const name = await page.textContent('#own-name');
    await page.fill('#confirm', `@${name?.toUpperCase()}`);
    await page.click('button.danger');
    await page.waitForURL('**/deletions/*');
    await page.waitForSelector('[data-done=true]');
    expect(await page.textContent('.traces')).to.contain('Traces found afterwards: 0');
    expect(await page.getAttribute('#receipt', 'hx-get')).to.equal(null);
    expect(await page.textContent('.receipt')).to.contain('TikTok has ended the permission:');
    expect(await page.context().cookies()).to.deep.equal([]);
    await page.goto(`${app.url}/jobs`);
    expect(new URL(page.url()).pathname).to.equal('/');
    expect(faults).to.deep.equal([]);
  });

  it('shows how far it is, and moves on by itself', async () => {
    const client = await app.creator('waits');
    const { json } = await client.upload(await video());
    app.sandbox.state.settings.processing_ms = 10_000;
    const posted = await client.api('POST', '/v1/jobs', client.job(json['storage_key']));
    for (;;) {
      const job = await client.api('GET', `/v1/jobs/${posted.json['id']}`);
      if (job.json['step'] === 'confirm') break;
    }
    const page = await open(client);
    await leave(page, 'waits');
    expect(await page.textContent('[aria-current=step]')).to.contain('Waiting for a post');
    expect(await page.textContent('.steps')).to.contain('Searching for anything left');
    app.sandbox.state.settings.processing_ms = 300;
    await page.waitForSelector('[data-done=true]');
    expect(await page.textContent('.receipt')).to.contain('1 post was with TikTok already');
    expect(faults).to.deep.equal([]);
  });

  it('works without scripts, and a wrong name changes nothing', async () => {
    const client = await withPost('scriptless');
    const page = await open(client, { scripts: false, width: 360 });
    await page.goto(`${app.url}/sign-out`);
    await page.fill('#confirm', 'scriptles');
    await page.click('button.danger');
    expect(await page.textContent('[role=alert]')).to.contain('“scriptles” is not the name');
    await page.goto(`${app.url}/jobs`);
    expect(await page.isVisible('.post-row')).to.equal(true);
    await leave(page, 'scriptless');
    while (!(await page.$('[data-done=true]'))) await page.reload();
    expect(await page.textContent('.traces')).to.contain('0');
  });

  it('puts times into the zone of the settings', async () => {
    const client = await withPost('zoned');
    const page = await open(client);
    await page.goto(`${app.url}/settings`);
    await page.selectOption('#time_zone', 'Pacific/Kiritimati');
    await page.check('[name=keys_may_export_and_erase][type=checkbox]');
    await page.click('text=Save');
    await page.waitForSelector('text=Saved.');
    expect(await page.isChecked('[name=keys_may_export_and_erase][type=checkbox]')).to.equal(true);
    await page.goto(`${app.url}/jobs`);
    await page.click('.post-row a.grow');
    await page.waitForSelector('.timeline');
    expect(await page.textContent('[data-zone-name]')).to.equal('Pacific/Kiritimati');
    const time = page.locator('.timeline time').first();
    const at = new Date((await time.getAttribute('datetime')) ?? '');
    const clock = { timeZone: 'Pacific/Kiritimati', hour: '2-digit', minute: '2-digit' } as const;
    expect(await time.textContent()).to.equal(new Intl.DateTimeFormat('en-GB', clock).format(at));
    await page.goto(`${app.url}/settings`);
    await page.uncheck('[name=keys_may_export_and_erase][type=checkbox]');
    await page.click('text=Save');
    await page.waitForSelector('text=Saved.');
    expect(await page.isChecked('[name=keys_may_export_and_erase][type=checkbox]')).to.equal(false);
    expect(await page.inputValue('#time_zone')).to.equal('Pacific/Kiritimati');
  });

  it('is readable and operable: contrast, labels, and no sideways scrolling on a phone', async () => {
    const client = await withPost('looker');
    const leaver = await withPost('looked.at');
    const answer = await leaver.form('/disconnect', { confirm: 'looked.at' });
    const receipt = answer.headers.get('location') as string;
    const { db } = app;
    while (!(await db('deletions').whereNotNull('done_at').first('id'))) await client.page(receipt);
    const publicPages = [receipt, '/data-deletion', '/privacy', '/terms'];
    for (const [width, dark] of [
      [360, false],
      [360, true],
      [1280, false],
      [1280, true],
    ] as const) {
      const page = await open(client, { width, dark });
      for (const path of ['/sign-out', '/settings', ...publicPages]) {
        await page.goto(app.url + path);
        for (const more of await page.$$('details'))
          await more.evaluate((it) => it.setAttribute('open', ''));
        await expectFitForAll(page, `${path} at ${width}`);
      }
    }
  });
});
