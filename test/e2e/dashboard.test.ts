import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { createAccount } from '../../scripts/tiktok-sandbox/initial-state.ts';
import type { Account } from '../../scripts/tiktok-sandbox/state.ts';
import { type Appliance, anAppliance, type Client } from '../support/appliance.ts';
import { closeBrowser, expectFitForAll, needsChromium, newPage } from '../support/browser.ts';
import { paddedVideo, video } from '../support/videos.ts';

describe('the dashboard in a browser', () => {
  let app: Appliance;
  let creator: Client;
  let storageKey: string;
  before(async function () {
    needsChromium(this);
    app = await anAppliance({ LOG_LEVEL: 'warn' });
    creator = await app.creator();
    storageKey = (await creator.upload(await video())).json['storage_key'];
  });
  after(async () => {
    await closeBrowser();
    await app?.[Symbol.asyncDispose]();
  });

  const signedIn = (options: Parameters<typeof newPage>[0] = {}) =>
    newPage({ cookie: creator.cookie, url: app.url, ...options });

  it('connects, uploads 25 MB with progress, composes, posts, and stands still when it is posted', async () => {
    const path = join(app.data_dir, 'large.mp4');
    writeFileSync(path, await paddedVideo(25_000_000));
    const page = await newPage({});
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(String(error)));
    page.on(
      'console',
      (line) =>
        line.type() === 'error' &&
        line.text().includes('Content Security') &&
        faults.push(line.text()),
    );
    await page.goto(app.url);
    await page.click('text=Connect with TikTok');
    await page.check('input[value="nour.films"]');
    await page.click('button[value=allow]');
    await page.waitForURL('**/jobs');
    expect(await page.textContent('.who')).to.contain('نور');
    await page.click('text=New post');
    await page.evaluate(() => {
      const bar = document.querySelector('progress') as HTMLProgressElement;
      new MutationObserver(() =>
        sessionStorage.setItem('seen', String(Number(sessionStorage.getItem('seen') ?? 0) + 1)),
      ).observe(bar, { attributes: true });
    });
    // As from a home: on this machine alone the file would be there before the bar moves twice.
    const network = await page.context().newCDPSession(page);
    const unlimited = { offline: false, latency: 0, downloadThroughput: -1 };
    const uploadThroughput = 12_500_000;
    await network.send('Network.emulateNetworkConditions', { ...unlimited, uploadThroughput });
    await page.setInputFiles('input[type=file]', path);
    await page.waitForURL('**/jobs/new?media=*');
    expect(Number(await page.evaluate(() => sessionStorage.getItem('seen')))).to.be.greaterThan(1);
    await page.check('input[value=direct]');
    await page.fill('textarea', 'From the browser #e2e');
    await page.selectOption('#privacy_level', 'MUTUAL_FOLLOW_FRIENDS');
    await page.check('[name=allow_comment]');
    await page.click('button[value=now]');
    await page.waitForSelector('[data-status=finished]', { timeout: 60_000 });
    expect(await page.getAttribute('#progress', 'hx-get')).to.equal(null);
    const post = app.sandbox.state.publishes.at(-1);
    expect(post?.post_info).to.include({
      title: 'From the browser #e2e',
      privacy_level: 'MUTUAL_FOLLOW_FRIENDS',
      disable_comment: false,
      disable_duet: true,
    });
    expect(faults).to.deep.equal([]);
  });

  it('works without scripts: upload, compose, post', async () => {
    const path = join(app.data_dir, 'small.mp4');
    writeFileSync(path, await video({ seconds: 1.4 }));
    const page = await signedIn({ scripts: false });
    await page.goto(`${app.url}/jobs/new`);
    await page.setInputFiles('input[type=file]', path);
    await page.click('button:has-text("Upload")');
    await page.waitForURL('**/jobs/new?media=*');
    await page.check('input[value=direct]');
    await page.fill('textarea', 'No scripts');
    await page.selectOption('#privacy_level', 'SELF_ONLY');
    await page.click('button[value=now]');
    await page.waitForURL(/\/jobs\/[0-9a-f-]{36}$/);
    const job = await creator.ended(new URL(page.url()).pathname.split('/')[2] as string);
    expect(job).to.include({ title: 'No scripts', status: 'finished' });
  });

  describe('the composer keeps TikTok’s checklist:', () => {
    let page: Page;
    let opened = 0;
    /** The sandbox's own record of whoever looks at the page. */
    let record: Account;
    const open = async (username: string) => {
      const owner = await app.creator(username);
      const { json } = await owner.upload(await video());
      record = app.sandbox.state.accounts.find((each) => each.username === username) as Account;
      page = await signedIn({ cookie: owner.cookie });
      await page.goto(`${app.url}/jobs/new?media=${json['storage_key']}`);
      await page.check('input[value=direct]', { timeout: 2_000 }).catch(() => {});
    };
    // Each line has a creator of its own: TikTok answers one creator's page 20 times a minute.
    beforeEach(() => {
      opened += 1;
      return open(`line.${opened}`);
    });

    it('the creator’s nickname is shown, asked afresh each time', async () => {
      expect(await page.textContent('.poster')).to.contain('line.1');
      record.nickname = 'Renamed now';
      await page.reload();
      expect(await page.textContent('.poster')).to.contain('Renamed now');
    });

    it('who cannot post now is told so, and cannot choose to', async () => {
      app.sandbox.state.accounts.push({ ...createAccount('banned', 'Banned'), is_banned: true });
      await open('banned');
      expect(await page.textContent('.panel.bad')).to.contain('banned');
      expect(await page.isDisabled('input[value=direct]')).to.equal(true);
    });

    it('a video that is longer than this creator’s limit is refused', async () => {
      record.max_video_post_duration_sec = 1;
      await page.selectOption('#privacy_level', 'SELF_ONLY');
      await page.click('button[value=now]');
      expect(await page.textContent('.fault[role=alert]:visible')).to.contain(
        'longer than 1 seconds',
      );
    });

    it('the caption can be edited, and is counted in UTF-16 units', async () => {
      await page.fill('textarea', 'ab🌻');
      expect(await page.textContent('#count')).to.equal('4 / 2200');
    });

    it('privacy offers the creator’s options alone, with none chosen', async () => {
      expect(await page.inputValue('#privacy_level')).to.equal('');
      const offered = await page.$$eval('#privacy_level option:not([disabled])', (all) =>
        all.map((each) => (each as HTMLOptionElement).value),
      );
      expect(offered).to.deep.equal(['PUBLIC_TO_EVERYONE', 'MUTUAL_FOLLOW_FRIENDS', 'SELF_ONLY']);
      await page.click('button[value=now]');
      expect(page.url()).to.contain('/jobs/new');
    });

    it('comments, Duet and Stitch are unchecked, and greyed where TikTok has them off', async () => {
      for (const name of ['comment', 'duet', 'stitch'])
        expect(await page.isChecked(`[name=allow_${name}]`)).to.equal(false);
      await open('quiet');
      expect(await page.isDisabled('[name=allow_duet]')).to.equal(true);
      expect(await page.isDisabled('[name=allow_comment]')).to.equal(false);
    });

    it('disclosure is off; on, it asks what is promoted before anything can be posted', async () => {
      expect(await page.isChecked('[name=disclosure]')).to.equal(false);
      expect(await page.isVisible('[name=brand_content]')).to.equal(false);
      await page.check('[name=disclosure]');
      expect(await page.isDisabled('button[value=now]')).to.equal(true);
      expect(await page.getAttribute('button[value=now]', 'title')).to.equal(
        'You need to indicate if your content promotes yourself, a third party, or both.',
      );
    });

    it('Your brand is labelled as promotional content, Branded content or both as paid partnership', async () => {
      await page.check('[name=disclosure]');
      await page.check('[name=brand_organic]');
      expect(
        await page.isVisible("text=Your photo/video will be labeled as 'Promotional content'"),
      ).to.equal(true);
      await page.check('[name=brand_content]');
      expect(
        await page.isVisible("text=Your photo/video will be labeled as 'Paid partnership'"),
      ).to.equal(true);
      expect(
        await page.isVisible("text=Your photo/video will be labeled as 'Promotional content'"),
      ).to.equal(false);
    });

    it('branded content and “Only me” exclude each other, from either side', async () => {
      await page.check('[name=disclosure]');
      await page.check('[name=brand_content]');
      expect(
        await page.$eval('option[value=SELF_ONLY]', (each) => (each as HTMLOptionElement).disabled),
      ).to.equal(true);
      expect(
        await page.isVisible('text=Branded content visibility cannot be set to private.'),
      ).to.equal(true);
      await page.uncheck('[name=brand_content]');
      await page.selectOption('#privacy_level', 'SELF_ONLY');
      expect(await page.isDisabled('[name=brand_content]')).to.equal(true);
    });

    it('the declaration stands before the button, with its links', async () => {
      expect(await page.textContent('.declare-plain:visible')).to.equal(
        "By posting, you agree to TikTok's Music Usage Confirmation",
      );
      await page.check('[name=disclosure]');
      await page.check('[name=brand_content]');
      expect(await page.textContent('.declare-branded:visible')).to.equal(
        "By posting, you agree to TikTok's Branded Content Policy and Music Usage Confirmation",
      );
      const links = await page.$$eval('.declare-branded a', (all) =>
        all.map((each) => (each as HTMLAnchorElement).href),
      );
      expect(links).to.deep.equal([
        'https://www.tiktok.com/legal/page/global/bc-policy/en',
        'https://www.tiktok.com/legal/page/global/music-usage-confirmation/en',
      ]);
      const order = await page.$eval('.declaration', (each) => each.nextElementSibling?.className);
      expect(order).to.equal('submit');
    });

    it('the file is previewed, and it is said that posting takes a few minutes', async () => {
      expect(await page.$eval('video', (each) => (each as HTMLVideoElement).src)).to.contain(
        `/media/${new URL(page.url()).searchParams.get('media')}`,
      );
      expect(await page.isVisible('text=It may take a few minutes')).to.equal(true);
    });

    it('the inbox is explained, and asks for no caption', async () => {
      await page.check('input[value=inbox]');
      expect(await page.isVisible('textarea')).to.equal(false);
      expect(await page.isVisible('text=open the notification in your TikTok inbox')).to.equal(
        true,
      );
    });

    it('the server checks all of it again, and keeps what was typed', async () => {
      const owner = await app.creator('server.checks');
      const { json } = await owner.upload(await video());
      const sent = async (fields: Record<string, string>) => {
        const answer = await owner.form('/jobs', {
          storage_key: json['storage_key'],
          destination: 'direct',
          mode: 'now',
          title: 'typed words',
          request_id: 'x',
          ...fields,
        });
        return { status: answer.status, text: await answer.text() };
      };
      const none = await sent({});
      expect(none.status).to.equal(422);
      expect(none.text).to.contain('Choose who can see this video.').and.to.contain('typed words');
      expect((await sent({ privacy_level: 'FOLLOWER_OF_CREATOR' })).status).to.equal(422);
      expect((await sent({ privacy_level: 'SELF_ONLY', disclosure: 'on' })).text).to.contain(
        'You need to indicate',
      );
      expect(
        (await sent({ privacy_level: 'SELF_ONLY', disclosure: 'on', brand_content: 'on' })).text,
      ).to.contain('cannot be set to private');
    });
  });

  it('makes one post of a form that is sent twice', async () => {
    const fields = {
      storage_key: storageKey,
      destination: 'direct',
      mode: 'now',
      privacy_level: 'SELF_ONLY',
      title: 'double click',
      request_id: 'same-form',
    };
    const [first, second] = await Promise.all([
      creator.form('/jobs', fields),
      creator.form('/jobs', fields),
    ]);
    const again = await creator.form('/jobs', fields);
    const places = [first, second, again]
      .filter((each) => each.status === 303)
      .map((each) => each.headers.get('location'));
    expect(new Set(places).size).to.equal(1);
  });

  it('has no page with a serious fault for those who cannot see or point, light and dark, wide and narrow', async () => {
    await creator.api('POST', '/v1/domains', { host: `${'long-'.repeat(12)}a.example.com` });
    for (const [width, dark] of [
      [1280, false],
      [360, true],
    ] as const) {
      const page = await signedIn({ width, dark });
      for (const path of [
        '/jobs',
        '/jobs/new',
        `/jobs/new?media=${storageKey}`,
        '/media',
        '/api-key',
        '/domains',
        '/sign-out',
        '/jobs/none',
      ]) {
        await page.goto(app.url + path);
        await expectFitForAll(page, `${path} at ${width}`);
      }
    }
  });
});
