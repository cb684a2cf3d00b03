// Shows the page of waiting posts in a browser: without scripts, dark, on a phone, and to everybody.
import { expect } from 'chai';
import { type Appliance, anAppliance, type Client, type Json } from '../support/appliance.ts';
import { closeBrowser, expectFitForAll, needsChromium, newPage } from '../support/browser.ts';
import { jpeg } from '../support/photos.ts';
import { FAST } from '../support/timing.ts';
import { video } from '../support/videos.ts';
import { waitUntil } from '../support/wait-until.ts';

describe('the page of waiting posts', () => {
  let app: Appliance;
  let client: Client;
  const ids: string[] = [];
  before(async function () {
    needsChromium(this);
    app = await anAppliance({ LOG_LEVEL: 'warn' }, FAST);
    client = await app.creator('waiter');
    const { json: file } = await client.upload(await video());
    const { json: photo } = await client.upload(await jpeg(), 'image/jpeg');
    const inTwoDays = new Date(Date.now() + 48 * 3600_000).toISOString();
    const planned = { mode: 'schedule', schedule_at: inTwoDays };
    const settings = { privacy_level: 'PUBLIC_TO_EVERYONE', allow_comment: true };
    const bodies: Json[] = [
      client.job(file['storage_key'], {
        ...planned,
        title: 'Evening at the lake #summer',
        settings,
      }),
      client.job(file['storage_key'], { ...planned, destination: 'inbox', settings: {} }),
      client.photoJob([photo['storage_key']], { ...planned, title: 'Three pictures' }),
      client.job(file['storage_key'], { ...planned, title: 'Cancelled with the permission' }),
    ];
    for (const body of bodies) {
      const { json } = await client.api('POST', '/v1/jobs', body);
      ids.push(json['id']);
      await waitUntil(async () => {
        const job = await app.db('jobs').where({ id: json['id'] }).first();
        return job.state === 'ready';
      });
    }
    const lost = { permission_lost_at: new Date(), waiting_code: 'creator_disconnected' };
    const end = new Date(Date.now() + 7 * 24 * 3600_000);
    await app.db('jobs').update({ ...lost, gives_up_at: end });
    const cancelled = { state: 'cancelled', finished_at: new Date(), waiting_code: null };
    await app
      .db('jobs')
      .where({ id: ids[3] })
      .update({ ...cancelled, gives_up_at: null });
    await app
      .db('jobs')
      .where({ id: ids[0] })
      .update({
        ...{
          schedule_at: new Date(Date.now() - 3600_000),
          send_at: new Date(Date.now() - 3600_000),
        },
      });
  });
  after(async () => {
    await closeBrowser();
    await app?.[Symbol.asyncDispose]();
  });

  for (const [width, dark] of [
    [360, true],
    [1280, false],
  ] as const) {
    it(`can be read and worked by everybody at ${width} pixels`, async () => {
      const page = await newPage({ width, dark, cookie: client.cookie, url: app.url });
      for (const path of ['/jobs/waiting', `/jobs/${ids[0]}`, `/jobs/${ids[3]}/again`, '/jobs']) {
        await page.goto(`${app.url}${path}`);
        await expectFitForAll(page, path);
        if (process.env['SHOTS']) {
          const name = path.replaceAll(/[^a-z]/g, '').slice(0, 20);
          await page.screenshot({
            path: `${process.env['SHOTS']}/${name}-${width}.png`,
            fullPage: true,
          });
        }
      }
      await page.context().close();
    });
  }

  it('sends what was chosen there, without scripts', async () => {
    const page = await newPage({ width: 360, scripts: false, cookie: client.cookie, url: app.url });
    await page.goto(`${app.url}/jobs/waiting`);
    const row = page.locator(`[data-job="${ids[0]}"]`);
    await row.getByRole('button', { name: 'Post this one' }).click();
    await row.getByText('Choose who can see this video.').waitFor();
    await row.getByLabel('Who can see it').selectOption('SELF_ONLY');
    await row
      .locator('summary')
      .first()
      .click()
      .catch(() => {});
    if (process.env['SHOTS'])
      await page.screenshot({ path: `${process.env['SHOTS']}/plain-360.png`, fullPage: true });
    await row.getByRole('button', { name: 'Post this one' }).click();
    await waitUntil(async () => (await row.count()) === 0);
    expect((await client.ended(ids[0] as string))['status']).to.equal('finished');
    expect(await page.locator('[data-job]').count()).to.equal(3);
    await page.context().close();
  });
});
