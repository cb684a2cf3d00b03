// Shows in a browser how operators answer a deletion request.
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { type Appliance, anAppliance, type Client } from '../support/appliance.ts';
import { closeBrowser, expectFitForAll, needsChromium, newPage } from '../support/browser.ts';
import { ADMIN } from '../support/operator.ts';
import { receiptOf } from '../support/receipt.ts';
import { video } from '../support/videos.ts';

describe('the pages of deletion requests in a browser', () => {
  let app: Appliance;
  let creator: Client;
  before(async function () {
    needsChromium(this);
    app = await anAppliance({ ...ADMIN, LOG_LEVEL: 'warn', OPERATOR_NAME: 'Agency' });
    creator = await app.creator('nour.films');
    await creator.upload(await video());
    await app.creator('nour_films');
  });
  after(async () => {
    await closeBrowser();
    await app?.[Symbol.asyncDispose]();
  });

  async function signedIn(options: Parameters<typeof newPage>[0] = {}): Promise<Page> {
    const page = await newPage(options);
    await page.goto(`${app.url}/admin/deletions`);
    await page.fill('#email', ADMIN['ADMIN_EMAIL'] as string);
    await page.fill('#password', ADMIN['ADMIN_PASSWORD'] as string);
    await page.click('button:has-text("Sign in")');
    await page.waitForURL('**/admin');
    await page.goto(`${app.url}/admin/deletions`);
    return page;
  }

  async function entered(page: Page, words: Record<string, string>): Promise<void> {
    await page.goto(`${app.url}/admin/deletions`);
    if (!(await page.isVisible('#username'))) await page.click('text=Enter a request');
    for (const [name, value] of Object.entries(words)) await page.fill(`#${name}`, value);
    await page.click('text=Enter it');
    await page.waitForSelector('[data-state=received]');
  }

  const stateOf = (page: Page) => page.getAttribute('[data-state]', 'data-state');

  it('leads from the email to the receipt, by the person’s sign-in and a second click', async () => {
    const page = await signedIn();
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(String(error)));
    page.on('console', (line) => line.type() === 'error' && faults.push(line.text()));
    await entered(page, { username: '@nour.films', details: 'My two posts of November' });
    expect(await page.textContent('[data-warning]')).to.contain('@nour_films');
    expect(await page.isVisible('text=Ask for this proof')).to.equal(false);
    await page.click(`[data-account="${creator.creatorId}"] button`);
    await page.click('text=Ask for this proof');
    const link = (await page.textContent('[data-proof-link]')) ?? '';
    expect(await page.inputValue('#reply')).to.contain(link);

    const person = await newPage({ width: 360, height: 740 });
    await person.goto(link);
    await person.click('a.primary');
    await person.check('input[value="nour.films"]');
    await person.click('button[value=allow]');
    await person.waitForSelector('text=Delete everything about');
    await page.reload();
    expect(await stateOf(page)).to.equal('identity_asked');
    expect(await page.textContent('.act-now')).to.contain('has not pressed the second button');
    await person.click('button:has-text("Yes, delete everything")');
    await person.waitForSelector('text=You have confirmed');

    await page.reload();
    expect(await stateOf(page)).to.equal('verified');
    expect(await page.textContent('.act-now')).to.contain('1 file');
    await page.click('button:has-text("Delete everything about")');
    for (let tries = 0; (await stateOf(page)) !== 'done' && tries < 200; tries += 1) {
      await page.waitForTimeout(150);
      await page.reload();
    }
    expect(await stateOf(page)).to.equal('done');
    expect(await page.content()).not.to.contain('nour');
    const receipt = /http\S+\/deletions\/\w+/.exec(await page.inputValue('#reply'))?.[0] ?? '';
    await receiptOf(app, receipt);
    await person.goto(receipt);
    expect(await person.textContent('h1')).to.equal('Receipt of a deletion');
    expect((await creator.page('/jobs')).status).to.equal(303);
    expect(faults).to.deep.equal([]);
  });

  it('works without scripts, and shows what was changed by somebody else meanwhile', async () => {
    const page = await signedIn({ scripts: false });
    await entered(page, { username: 'nour_films' });
    const other = await signedIn();
    await other.goto(page.url());
    await other.click('[data-account] button');
    await page.click('text=Refuse the request');
    await page.fill('#reason', 'No account');
    await page.click('button:has-text("Refuse")');
    expect(await page.textContent('[role=alert]')).to.contain('Nothing of yours was saved');
    expect(await page.textContent('.matching-accounts')).to.contain('Chosen');
    expect(await stateOf(page)).to.equal('received');
  });

  it('copies the reply', async () => {
    const page = await signedIn();
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await entered(page, { username: 'copied.reply' });
    await page.click('text=Copy the reply');
    await page.waitForSelector('text=Copied');
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    expect(copied).to.equal(await page.inputValue('#reply'));
  });

  it('has no page with a serious fault for those who cannot see or point, light and dark, wide and narrow', async () => {
    const page = await signedIn();
    await entered(page, { username: 'nour_films', details: 'x'.repeat(300) });
    await page.click('[data-account] button');
    const chosen = page.url();
    await page.click('text=Ask for this proof');
    const link = (await page.textContent('[data-proof-link]')) ?? '';
    for (const [width, dark] of [
      [1280, false],
      [360, true],
    ] as const) {
      const look = await signedIn({ width, dark });
      for (const address of [`${app.url}/admin/deletions`, chosen, link]) {
        await look.goto(address);
        await expectFitForAll(look, `${address} at ${width}`);
      }
    }
  });
});
