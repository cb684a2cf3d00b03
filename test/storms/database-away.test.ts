// Shows that an outage of the database, of any kind, holds up nothing beyond itself.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { type Appliance, anAppliance, type Client } from '../support/appliance.ts';
import { aLine, type DatabaseLine } from '../support/line.ts';
import { FAST } from '../support/timing.ts';
import { paddedVideo, video } from '../support/videos.ts';
import { waitUntil } from '../support/wait-until.ts';

const start = (line: DatabaseLine) =>
  anAppliance({ LOG_LEVEL: 'warn', DATABASE_URL: line.url }, FAST);

/** A post whose upload goes on for as long as the sandbox has `slow` faults left. */
async function slowPost(app: Appliance, client: Client, chunks: number): Promise<string> {
  const { json: media } = await client.upload(await paddedVideo(66_000_000));
  app.sandbox.state.faults.push({ endpoint: 'upload', kind: 'slow', count: chunks });
  const { json } = await client.api('POST', '/v1/jobs', client.job(media['storage_key']));
  await waitUntil(async () => app.sandbox.state.publishes.length > 0);
  return json['id'];
}

async function quickPost(client: Client): Promise<string> {
  const { json: media } = await client.upload(await video());
  const { json } = await client.api('POST', '/v1/jobs', client.job(media['storage_key']));
  return json['id'];
}

const completed = (app: Appliance) =>
  app.sandbox.state.publishes.filter((each) => each.status === 'PUBLISH_COMPLETE');

describe('a database that is away for longer than a dead pool would be silent', () => {
  it('ends neither the process nor the post that is being sent', async () => {
    await using line = await aLine();
    await using app = await start(line);
    const client = await app.creator();
    const id = await slowPost(app, client, 3);
    line.cut();
    // The outage itself: nobody beats for half as long again as declares a pool dead.
    await sleep(1.5 * (FAST.silentMs ?? 0));
    line.restore();
    expect((await client.ended(id, 100_000))['status']).to.equal('finished');
    expect(app.process().exitCode).to.equal(null);
    expect(app.output()).not.to.contain('declared_dead');
    expect(completed(app)).to.have.length(1);
    expect(await app.stop()).to.equal(0);
  });
});

describe('connections that are swallowed without a word', () => {
  it('are noticed, said by /readyz, and replaced, and posts go on', async () => {
    await using line = await aLine();
    await using app = await start(line);
    const client = await app.creator();
    await quickPost(client).then((id) => client.ended(id));
    const readiness = async () => (await fetch(`${app.url}/readyz`)).status;
    expect(await readiness()).to.equal(200);
    line.swallow(true);
    await waitUntil(async () => (await readiness()) === 503);
    await waitUntil(async () => (await readiness()) === 200);
    expect((await client.ended(await quickPost(client)))['status']).to.equal('finished');
    expect(app.output()).not.to.contain('declared_dead');
  });
});
