// Shows that a request under an Idempotency-Key may be repeated at once when its process was killed.
import { expect } from 'chai';
import { lockName } from '../../src/base/database.ts';
import { anAppliance } from '../support/appliance.ts';
import { isLockAwaited } from '../support/locks.ts';
import { FAST } from '../support/timing.ts';
import { video } from '../support/videos.ts';
import { waitUntil } from '../support/wait-until.ts';

describe('a request whose process is killed', () => {
  it('has written nothing, and is answered when it comes again', async () => {
    await using app = await anAppliance({}, FAST);
    const client = await app.creator();
    const { json: media } = await client.upload(await video());
    const request = client.job(media['storage_key'], { allow_duplicate: false });
    const ask = () => client.api('POST', '/v1/jobs', request, { 'idempotency-key': 'killed' });
    await app.db.transaction(async (trx) => {
      // What accepting a post waits for, held here.
      await lockName(trx, `posting:${client.creatorId}`);
      const cut = ask().catch(() => 'cut');
      await waitUntil(() => isLockAwaited(app.db, 'advisory'));
      await app.kill();
      expect(await cut).to.equal('cut');
    });
    await app.start();
    const { status, headers, json } = await waitUntil(async () => {
      const answer = await ask();
      return answer.status === 409 ? null : answer;
    }, 30_000);
    expect([status, headers.get('idempotency-replayed')]).to.deep.equal([202, null]);
    await client.ended(json['id']);
    expect(await app.db('jobs').pluck('id')).to.deep.equal([json['id']]);
  });
});
