// Shows the life of a session: begun, prolonged, over, ended.
import { expect } from 'chai';
import { createSessions } from '../../src/access/sessions.ts';
import { sha256 } from '../../src/base/secrets.ts';
import { markLeaving } from '../../src/creators/leaving.ts';

import { anOwnContext, type OwnContext } from '../support/context.ts';

describe('a session', () => {
  let own: OwnContext;
  let id: string;
  before(async () => {
    own = await anOwnContext();
  });
  after(() => own?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    const row = { open_id: `of-${Math.random()}`, plan: 'paid' };
    [{ id }] = await own.ctx.db('creators').insert(row).returning('id');
  });

  const sessions = () => createSessions(own.ctx);
  const begin = async () => {
    const set = await sessions().start(id);
    return { set, cookie: set.split(';')[0] as string };
  };
  const rows = () => own.ctx.db('sessions').where({ creator_id: id });
  const lasts = (days: number) =>
    rows().update({ expires_at: new Date(Date.now() + days * 86_400_000) });

  it('is known by its cookie, of which a hash alone is stored', async () => {
    const { set, cookie } = await begin();
    expect(set)
      .to.match(/^pm3k_session=\w{40,}; /)
      .and.match(/HttpOnly/)
      .and.match(/SameSite=Lax/);
    const secret = cookie.split('=')[1] as string;
    const found = await sessions().find(`theme=dark; ${cookie}`);
    expect(found?.owner.id).to.equal(id);
    expect(found?.id_hash).to.equal(sha256(secret));
    expect(JSON.stringify(await rows()))
      .to.contain(sha256(secret))
      .and.not.to.contain(secret);
    for (const other of ['', 'pm3k_session=', `pm3k_session=${sha256(secret)}`]) {
      expect(await sessions().find(other), other).to.equal(null);
    }
  });

  it('is over after its time, and is prolonged by a visit in the second half of it', async () => {
    const { cookie } = await begin();
    expect((await sessions().find(cookie))?.cookie).to.equal(null);
    await lasts(14);
    expect((await sessions().find(cookie))?.cookie).to.contain(`${cookie};`);
    const [{ expires_at: until }] = await rows();
    expect((until - Date.now()) / 86_400_000).to.be.within(29.9, 30);
    await lasts(-0.001);
    expect(await sessions().find(cookie)).to.equal(null);
    expect(await rows()).to.deep.equal([]);
  });

  it('ends alone, and its cookie is cleared', async () => {
    const [one, other] = [await begin(), await begin()];
    expect(await sessions().end(one.cookie)).to.match(/^pm3k_session=; .*Max-Age=0/);
    expect(await sessions().find(one.cookie)).to.equal(null);
    expect((await sessions().find(other.cookie))?.owner.id).to.equal(id);
  });

  it('opens nothing for a creator who is leaving', async () => {
    const { cookie } = await begin();
    await own.ctx.db.transaction((trx) => markLeaving(trx, id));
    expect(await sessions().find(cookie)).to.equal(null);
  });
});
