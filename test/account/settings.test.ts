import { expect } from 'chai';
import type { Database } from '../../src/base/database.ts';
import { type SharedAppliance, sharedAppliance } from '../support/shared-appliance.ts';

describe('the settings', () => {
  let app: SharedAppliance;
  let db: Database;
  before(async () => {
    app = await sharedAppliance();
    db = app.db;
  });
  const row = (id: string) => db('creators').where({ id }).first();

  it('change what was sent and no more, and are shown', async () => {
    const client = await app.creator('settler');
    await client.form('/settings', { time_zone: 'Asia/Tokyo' });
    await client.form('/settings', { keys_may_export_and_erase: 'true' });
    const { text } = await client.page('/settings?saved');
    expect(text)
      .to.match(/<option value="Asia\/Tokyo" selected/)
      .and.contain('Saved.');
    expect(text)
      .to.match(/value="true" checked/)
      .and.contain('data-time-zone="Asia/Tokyo"');
    expect(await row(client.creatorId)).to.include({
      time_zone: 'Asia/Tokyo',
      keys_may_export_and_erase: true,
    });
    await client.form('/settings', { time_zone: '' });
    expect((await row(client.creatorId)).time_zone).to.equal(null);
  });

  it('refuse what they do not know', async () => {
    const client = await app.creator('unsettled');
    for (const form of [{ time_zone: 'Mars/Olympus' }, { keys_may_export_and_erase: 'maybe' }]) {
      expect((await client.form('/settings', form as Record<string, string>)).status).to.equal(400);
    }
    expect(await row(client.creatorId)).to.include({
      time_zone: null,
      keys_may_export_and_erase: false,
    });
  });
});
