import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Publish } from '../../scripts/tiktok-sandbox/state.ts';
import type { Appliance, Client } from '../support/appliance.ts';
import { closeBrowser, expectFitForAll, needsChromium, newPage } from '../support/browser.ts';
import { photoAppliance, postsOf, uploaded } from '../support/photo-posts.ts';
import { jpeg } from '../support/photos.ts';
import { video } from '../support/videos.ts';

const COLOURS = ['#2060c0', '#c06020', '#208040'];

describe('posts of photos on the dashboard', () => {
  let app: Appliance;
  let number = 0;
  let client: Client;
  let files: string[];
  before(async function () {
    needsChromium(this);
    app = await photoAppliance();
    files = await Promise.all(
      COLOURS.map(async (colour, index) => {
        const path = join(app.data_dir, `day-${index + 1}.jpg`);
        // The second must be made smaller.
        writeFileSync(path, await jpeg({ colour, width: index === 1 ? 1200 : 600, height: 1600 }));
        return path;
      }),
    );
  });
  beforeEach(async () => {
    number += 1;
    client = await app.creator(`gallery${number}`);
  });
  after(async () => {
    await closeBrowser();
    await app?.[Symbol.asyncDispose]();
  });

  const signedIn = (options: Parameters<typeof newPage>[0] = {}) =>
    newPage({ cookie: client.cookie, url: app.url, ...options });

  async function posted(path: string): Promise<Publish | undefined> {
    const job = await client.ended(path.split('/')[2] as string);
    expect(job['status'], JSON.stringify(job['error'])).to.equal('finished');
    return postsOf(app, client)[0];
  }

  it('are uploaded together, put in order, and posted with their cover', async () => {
    const page = await signedIn();
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(String(error)));
    await page.goto(`${app.url}/jobs/new`);
    await page.setInputFiles('input[type=file]', files);
    await page.waitForURL('**/jobs/new?photo=*');
    const order = () =>
      page.$$eval('[data-photos] img', (all) => all.map((each) => (each as HTMLImageElement).alt));
    expect(await order()).to.deep.equal(
      ['day-1.jpg', 'day-2.jpg', 'day-3.jpg'].map((name) => `${name}, as a whole`),
    );
    expect(await page.textContent('.panel')).to.match(/Photo 2: Made smaller/);
    await page.click('[aria-label="Move day-3.jpg earlier"]');
    await page.click('[aria-label="Take day-1.jpg out"]');
    expect((await order())[0]).to.contain('day-3.jpg');
    await page.check('[data-photos] li:nth-child(2) [name=cover]');
    await page.check('input[value=direct]');
    // Of what TikTok asks about videos, comments alone.
    expect(
      await page.$$eval('[name^=allow_]', (all) => all.map((each) => each.getAttribute('name'))),
    ).to.deep.equal(['allow_comment']);
    await page.fill('#title', 'Two days 🌻');
    expect(await page.textContent('#count')).to.equal('11 / 90');
    await page.fill('#description', 'At the sea');
    await page.selectOption('#privacy_level', 'PUBLIC_TO_EVERYONE');
    await page.check('[name=auto_add_music]');
    await page.click('button[value=now]');
    await page.waitForSelector('[data-status=finished]', { timeout: 60_000 });
    expect(await page.$$eval('.photos img', (all) => all.length)).to.equal(2);
    const post = await posted(new URL(page.url()).pathname);
    expect(post?.post_info).to.include({
      title: 'Two days 🌻',
      description: 'At the sea',
      photo_cover_index: 1,
      auto_add_music: true,
      disable_comment: true,
    });
    await page.goto(`${app.url}/jobs`);
    expect(await page.getAttribute('.post-row .thumb img', 'src')).to.match(/\/thumbnail$/);
    expect(faults).to.deep.equal([]);
  });

  it('work without scripts: several uploads, their order, the post', async () => {
    const page = await signedIn({ scripts: false });
    await page.goto(`${app.url}/jobs/new`);
    await page.setInputFiles('input[type=file]', files);
    await page.click('button:has-text("Upload")');
    await page.waitForURL('**/jobs/new?photo=*');
    await page.fill('#title', 'Kept while photos move');
    await page.click('[aria-label="Move day-1.jpg later"]');
    expect(await page.inputValue('#title')).to.equal('Kept while photos move');
    expect(await page.getAttribute('[data-photos] li:nth-child(2) img', 'alt')).to.contain('day-1');
    await page.click('[aria-label="Take day-3.jpg out"]');
    await page.check('input[value=direct]');
    // Enter posts nothing while photos are being arranged.
    await page.press('#title', 'Enter');
    expect(await page.$$eval('[data-photos] li', (all) => all.length)).to.equal(2);
    await page.selectOption('#privacy_level', 'SELF_ONLY');
    await page.click('button[value=now]');
    await page.waitForURL(/\/jobs\/[0-9a-f-]{36}$/);
    const post = await posted(new URL(page.url()).pathname);
    expect(post?.photo_images).to.have.length(2);
    // What was the cover stays it, wherever it is moved.
    expect(post?.post_info).to.include({ title: 'Kept while photos move', photo_cover_index: 1 });
  });

  it('are chosen from what is stored, in the order of their upload', async () => {
    const keys = await uploaded(
      client,
      await Promise.all(COLOURS.map((colour) => jpeg({ colour }))),
    );
    await client.upload(await video());
    const page = await signedIn();
    await page.goto(`${app.url}/jobs/new`);
    expect(await page.isDisabled('.choose-photos button')).to.equal(true);
    for (const key of [keys[2], keys[0]]) await page.check(`[name=photo][value="${key}"]`);
    await page.click('.choose-photos button');
    const shown = await page.$$eval('[data-photos] li', (all) =>
      all.map((each) => (each as HTMLElement).dataset['key']),
    );
    expect(shown).to.deep.equal([keys[0], keys[2]]);
  });

  it('say what is wrong with the form, and keep what was typed', async () => {
    const [key = ''] = await uploaded(client, [await jpeg()]);
    const form = {
      ...{ photos: key, mode: 'now', destination: 'direct', title: 'x'.repeat(91) },
      ...{ privacy_level: 'PUBLIC_TO_EVERYONE', description: 'Kept' },
    };
    const answer = await client.form('/jobs', form);
    expect(answer.status).to.equal(422);
    const text = await answer.text();
    expect(text).to.contain('at most 90 UTF-16 units').and.to.contain('>Kept</textarea>');
    const nothing = await client.form('/jobs', { ...form, photos: 'somebody-elses' });
    expect(nothing.status).to.equal(422);
    expect(await nothing.text()).to.contain('Choose what to post first.');
    const undecided = await client.form('/jobs', { ...form, title: '', disclosure: 'on' });
    expect(await undecided.text()).to.contain('You need to indicate if your content promotes');
    expect(postsOf(app, client)).to.have.length(0);
  });

  it('tell which of several files was not taken, and keep the others', async () => {
    const body = new FormData();
    body.append('file', new Blob([await jpeg()]), 'good.jpg');
    body.append('file', new Blob(['<svg xmlns="http://www.w3.org/2000/svg"/>']), 'bad.svg');
    const headers = { cookie: client.cookie, 'sec-fetch-site': 'same-origin', accept: 'text/html' };
    const answer = await fetch(`${app.url}/media`, { method: 'POST', body, headers });
    expect(answer.status).to.equal(422);
    expect(await answer.text()).to.contain('bad.svg: SVG drawings are not photos.');
  });

  it('have pages without faults of access, at any width and in the dark', async () => {
    const keys = await uploaded(
      client,
      await Promise.all(COLOURS.map((colour) => jpeg({ colour }))),
    );
    for (const path of ['/media', '/jobs/new', `/jobs/new?photo=${keys.join('&photo=')}`]) {
      for (const [width, dark] of [
        [360, true],
        [1280, false],
      ] as const) {
        const page = await signedIn({ width, dark });
        await page.goto(`${app.url}${path}`);
        await expectFitForAll(page, `${path} at ${width}`);
        await page.close();
      }
    }
  });
});

describe('a small picture of a photo', () => {
  it('is made of photos alone, by their unguessable name, and is nothing that runs', async () => {
    await using app = await photoAppliance();
    const client = await app.creator();
    const [key = ''] = await uploaded(client, [await jpeg()]);
    const small = await fetch(`${app.url}/media/${key}/thumbnail`);
    expect(small.status).to.equal(200);
    expect(small.headers.get('content-type')).to.equal('image/jpeg');
    expect(small.headers.get('x-content-type-options')).to.equal('nosniff');
    expect(small.headers.get('content-security-policy')).to.contain('sandbox');
    const film = (await client.upload(await video())).json['storage_key'];
    expect((await fetch(`${app.url}/media/${film}/thumbnail`)).status).to.equal(404);
    expect((await fetch(`${app.url}/media/${'a'.repeat(32)}/thumbnail`)).status).to.equal(404);
  });
});
