// Shows the form of API keys, what they open, and what is answered to a wrong one.
import { expect } from 'chai';
import { assertKeysMay, isWellFormed, newKey } from '../../src/access/keys.ts';
import type { Creator } from '../../src/creators/store.ts';
import type { Client } from '../support/appliance.ts';
import { expectProblem } from '../support/problem.ts';
import { type SharedAppliance, sharedAppliance } from '../support/shared-appliance.ts';

describe('bad input', () => {
  let app: SharedAppliance;
  let creator: Client;
  before(async () => {
    app = await sharedAppliance();
    creator = await app.creator('keys.bad.input');
  });

  describe('in a key', () => {
    const cases: [string, () => string, string][] = [
      ['none at all', () => '', 'unauthorized'],
      ['another scheme', () => 'Basic abc', 'unauthorized'],
      ['nonsense', () => 'Bearer hello', 'unauthorized'],
      [
        'a typing error',
        () => `Bearer ${creator.key.slice(0, -1)}${creator.key.endsWith('0') ? '1' : '0'}`,
        'unauthorized',
      ],
    ];
    for (const [name, authorization, code] of cases) {
      it(`${name} is ${code}`, async () => {
        expectProblem(
          await creator.api('GET', '/v1/jobs', undefined, { authorization: authorization() }),
          { status: 401, code },
        );
      });
    }

    it('that has expired is key_expired', async () => {
      const late = await app.creator('keys.late');
      await app
        .db('api_keys')
        .where({ creator_id: late.creatorId })
        .update({ expires_at: new Date() });
      expectProblem(await late.api('GET', '/v1/jobs'), { status: 401, code: 'key_expired' });
    });
  });
});

describe('an API key', () => {
  let app: SharedAppliance;
  before(async () => {
    app = await sharedAppliance();
  });

  it('replaces a key of the same name at once, and keeps five at most', async () => {
    const creator = await app.creator('keys.replaced');
    await creator.form('/api-key', { name: 'default' });
    expect((await creator.api('GET', '/v1/jobs')).json['code']).to.equal('unauthorized');
    for (const name of ['a', 'b', 'c', 'd'])
      expect((await creator.form('/api-key', { name })).status).to.equal(200);
    expect((await creator.form('/api-key', { name: 'e' })).status).to.equal(409);
    expect((await creator.form('/api-key', { name: '<script>' })).status).to.equal(400);
  });

  it('opens nothing while the plan has ended or the account is suspended', async () => {
    const client = await app.creator('keys.ended');
    const { creatorId: id } = client;
    const change = (row: object) => app.db('creators').where({ id }).update(row);
    for (const [row, code] of [
      [{ plan_ends_at: new Date(Date.now() - 1_000) }, 'plan_expired'],
      [{ plan_ends_at: null, suspended_at: new Date() }, 'forbidden'],
    ] as const) {
      await change(row);
      expectProblem(await client.api('GET', '/v1/jobs'), { status: 403, code });
    }
  });

  it('has a checksum, so that a typing error is told from a forgery', () => {
    const key = newKey();
    expect(key).to.match(/^pm3k_creator_[A-Za-z0-9]{46}$/);
    expect(newKey()).not.to.equal(key);
    expect(isWellFormed(key)).to.equal(true);
    for (let at = 0; at < key.length; at += 1) {
      const other = key[at] === 'x' ? 'y' : 'x';
      expect(isWellFormed(key.slice(0, at) + other + key.slice(at + 1)), String(at)).to.equal(
        false,
      );
    }
    expect(isWellFormed(key.slice(0, -1))).to.equal(false);
  });

  it('may neither export nor erase unless the creator allowed it', () => {
    const may = (keysMay: boolean) => () =>
      assertKeysMay({ keys_may_export_and_erase: keysMay } as Creator);
    expect(may(false)).to.throw('may not export or delete everything');
    expect(may(true)).not.to.throw();
  });
});
