// Shows what becomes of each restored post, by what the replaced database knows of it.
import { expect } from 'chai';
import pg from 'pg';
import { settleRestored } from '../../scripts/backup/settle-jobs.ts';
import { freshDatabase } from '../support/database.ts';

const STAGED = 'staged';

describe('a restored post', () => {
  let client: pg.Client;
  let creatorId: string;
  beforeEach(async () => {
    client = new pg.Client({ connectionString: (await freshDatabase()).url });
    await client.connect();
    await client.query(`create schema ${STAGED}`);
    for (const table of ['jobs', 'job_events', 'publish_attempts']) {
      await client.query(`create table ${STAGED}.${table} (like public.${table} including all)`);
    }
    const { rows } = await client.query(
      `insert into creators (open_id, plan) values ('x', 'paid') returning id`,
    );
    creatorId = rows[0].id;
  });
  afterEach(() => client.end());

  /** In the backup it waits for its time; `known`: its state in the database that is replaced. */
  async function aJob(known: string | null, { isMarked = false } = {}): Promise<string> {
    const insert = (schema: string, state: string, id?: string) =>
      client.query(
        `insert into ${schema}.jobs (id, creator_id, mode, send_at, state, title, destination, settings, updated_at)
         values (coalesce($1, gen_random_uuid()), $2, 'schedule', now() + interval '1 hour', $3, '', 'inbox', '{}', '2026-01-01')
         returning id`,
        [id, creatorId, state],
      );
    const { id } = (await insert(STAGED, 'ready')).rows[0];
    if (known) await insert('public', known, id);
    if (isMarked) {
      await client.query(
        `insert into public.publish_attempts (job_id, number, bytes, committed_at, closed_at)
         values ($1, 1, 1, now(), now())`,
        [id],
      );
    }
    return id;
  }

  const settle = (position = 0) =>
    settleRestored(client, { schema: STAGED, madeAt: new Date(), position });
  const stateOf = async (id: string) =>
    (await client.query(`select state from ${STAGED}.jobs where id = $1`, [id])).rows[0].state;

  it('stays if it was not sent since, and stays cancelled if it was cancelled', async () => {
    const cases: [string | null, string, { isMarked?: boolean }?][] = [
      ['ready', 'ready'],
      ['fetched', 'ready'],
      ['cancelled', 'cancelled'],
      ['sending', 'unconfirmed'],
      ['sent', 'unconfirmed'],
      ['finished', 'unconfirmed'],
      ['failed', 'unconfirmed'],
      ['unconfirmed', 'unconfirmed'],
      [null, 'unconfirmed'],
      ['ready', 'unconfirmed', { isMarked: true }],
      ['cancelled', 'unconfirmed', { isMarked: true }],
    ];
    const ids: string[] = [];
    for (const [known, , more] of cases) ids.push(await aJob(known, more));
    expect(await settle()).to.deep.equal({ cancelled: 1, scheduled: 2, unconfirmed: 8 });
    for (const [index, [known, expected]] of cases.entries()) {
      expect(await stateOf(ids[index] as string), String(known)).to.equal(expected);
    }
  });

  it('is unconfirmed where no database can tell, though its time is still to come', async () => {
    // The database is older than the backup; than what the storage knows; or not there.
    const older = await aJob('ready');
    await client.query(`update public.jobs set updated_at = '2025-01-01'`);
    await settle();
    expect(await stateOf(older)).to.equal('unconfirmed');

    const behind = await aJob('ready');
    await settle(1);
    expect(await stateOf(behind)).to.equal('unconfirmed');

    const alone = await aJob(null);
    await client.query('drop table public.jobs cascade');
    await settle();
    expect(await stateOf(alone)).to.equal('unconfirmed');
  });

  it('is not tried again unasked, if it had failed and may have been made since', async () => {
    const ids: string[] = [];
    for (const known of ['failed', 'cancelled', 'finished', 'ready', null])
      ids.push(await aJob(known));
    await client.query(`update ${STAGED}.jobs set state = 'failed'`);
    await settle();
    const { rows } = await client.query(
      `select job_id from ${STAGED}.job_events
        where name = 'restored' and (details->>'may_be_posted')::boolean`,
    );
    expect(rows.map(({ job_id }) => job_id)).to.have.members(ids.slice(2));
    for (const id of ids) expect(await stateOf(id)).to.equal('failed');
  });

  it('does not go out by itself if it lost its permission since', async () => {
    const id = await aJob('ready');
    await client.query('update public.jobs set permission_lost_at = now()');
    await settle();
    expect(await stateOf(id)).to.equal('unconfirmed');
  });

  it('is asked for at TikTok if its attempt was opened before the backup', async () => {
    const id = await aJob(null);
    await client.query(
      `insert into ${STAGED}.publish_attempts (job_id, number, bytes, publish_id) values ($1, 1, 1, 'p')`,
      [id],
    );
    await settle();
    const { rows } = await client.query(`select committed_at from ${STAGED}.publish_attempts`);
    expect(rows[0].committed_at).to.be.instanceOf(Date);
  });
});
