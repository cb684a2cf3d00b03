import { expect } from 'chai';
import type { Database } from '../../src/base/database.ts';
import type { Client, Json } from '../support/appliance.ts';
import { type SharedAppliance, sharedAppliance } from '../support/shared-appliance.ts';
import { video } from '../support/videos.ts';

describe('posting defaults', () => {
  let app: SharedAppliance;
  let db: Database;
  before(async () => {
    app = await sharedAppliance();
    db = app.db;
  });

  const saved = ({ creatorId }: Client) =>
    db('posting_defaults').where({ creator_id: creatorId }).first();
  const Direct = { default_destination: 'direct', default_privacy_level: 'SELF_ONLY' };

  async function asked(client: Client, more: Json) {
    const { json: media } = await client.upload(await video());
    const request = client.job(media['storage_key'], more);
    for (const [name, value] of Object.entries(more)) if (value === undefined) delete request[name];
    return client.api('POST', '/v1/jobs', request);
  }

  it('are used by a direct post that names no audience, with what it names beside them', async () => {
    const client = await app.creator('has.defaults');
    await client.form('/settings', {
      ...Direct,
      default_allow_comment: 'true',
      default_is_aigc: 'on',
    });
    const { status, json } = await asked(client, {
      settings: { is_aigc: false, allow_duet: true },
    });
    expect(status).to.equal(202);
    expect(json['settings']).to.include({
      ...{ privacy_level: 'SELF_ONLY', allow_comment: true, allow_duet: true, is_aigc: false },
    });
    const [consent] = await db('consents').where({ job_id: json['id'] });
    expect(consent.declaration).to.match(/^By posting, you agree to TikTok's Music Usage/);
    // A request that names an audience says it all by itself.
    const whole = await asked(client, { settings: { privacy_level: 'PUBLIC_TO_EVERYONE' } });
    expect(whole.json['settings']).to.include({ allow_comment: false, is_aigc: false });
  });

  it('say where a post goes that does not say so itself', async () => {
    const client = await app.creator('no.destination');
    const nothing = { destination: undefined, settings: undefined };
    const refused = await asked(client, nothing);
    expect(refused.status).to.equal(400);
    expect(refused.json['code']).to.equal('posting_defaults_missing');
    await client.form('/settings', { default_destination: 'inbox' });
    expect((await asked(client, nothing)).json['destination']).to.equal('inbox');
    await client.form('/settings', Direct);
    expect((await asked(client, nothing)).json).to.deep.include({ destination: 'direct' });
  });

  it('never come from nobody: without them a direct post needs its audience', async () => {
    const client = await app.creator('no.defaults');
    const { status, json } = await asked(client, { settings: {} });
    expect(status).to.equal(400);
    expect(json['errors'][0]['pointer']).to.equal('/settings/privacy_level');
  });

  it('change by the fields that were sent, are shown, and can be taken away', async () => {
    const client = await app.creator('changes.defaults');
    await client.form('/settings', { ...Direct, default_allow_duet: 'true' });
    await client.form('/settings', { default_allow_comment: 'true', time_zone: 'Asia/Tokyo' });
    expect((await saved(client)).settings).to.include({
      ...{ privacy_level: 'SELF_ONLY', allow_duet: true, allow_comment: true },
    });
    const { text } = await client.page('/settings');
    expect(text).to.match(/value="SELF_ONLY" selected/);
    expect(text).to.match(/name="default_allow_duet" value="true" checked/);
    await client.form('/settings', { default_destination: '' });
    expect(await saved(client)).to.equal(undefined);
    expect((await client.page('/settings')).text).to.contain('None saved');
  });

  it('are refused where TikTok would refuse a post, and nothing changes', async () => {
    const client = await app.creator('bad.defaults');
    const account = app.sandbox.state.accounts.find(({ username }) => username === 'bad.defaults');
    Object.assign(account as object, { duet_disabled: true });
    for (const bad of [
      { default_destination: 'direct' },
      { ...Direct, default_brand_content: 'true' },
      { default_destination: 'direct', default_privacy_level: 'FOLLOWER_OF_CREATOR' },
      { ...Direct, default_allow_duet: 'true' },
      { default_destination: 'somewhere' },
      { ...Direct, default_privacy_level: 'NOBODY' },
      { ...Direct, default_allow_comment: 'maybe' },
      { ...Direct, default_cover_timestamp_ms: '-1' },
    ]) {
      const answer = await client.form('/settings', bad as Record<string, string>);
      expect(answer.status, JSON.stringify(bad)).to.equal(400);
    }
    expect(await saved(client)).to.equal(undefined);
  });

  it('keep what was chosen on the page when it cannot be saved, and say why', async () => {
    const client = await app.creator('mistaken');
    const chosen = { ...Direct, default_brand_content: 'true', default_is_aigc: 'true' };
    const answer = await client.form('/settings', chosen);
    expect(answer.status).to.equal(400);
    const text = await answer.text();
    expect(text).to.contain('Branded content visibility cannot be set to private.');
    for (const field of [
      'default_destination" value="direct" required',
      'default_is_aigc" value="true"',
    ])
      expect(text).to.contain(`name="${field} checked`);
    expect(text).to.contain('value="SELF_ONLY" selected');
    expect(text).to.contain('None saved');
  });

  it('never fill in the composer', async () => {
    const client = await app.creator('composes');
    await client.form('/settings', { ...Direct, default_allow_comment: 'true' });
    const { json: media } = await client.upload(await video());
    const { text } = await client.page(`/jobs/new?media=${media['storage_key']}`);
    expect(text).not.to.match(/value="SELF_ONLY" selected/);
    expect(text).not.to.match(/name="allow_comment" checked/);
  });
});
