import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import type { Knex } from 'knex';
import { TIMING } from '../../../src/base/timing.ts';
import type { Context } from '../../../src/context/context.ts';
import { createContinuity } from '../../../src/continuity/continuity.ts';
import {
  mayBeFetched,
  removeLinks,
  replaceLinks,
  takeLink,
} from '../../../src/jobs/attempts/links.ts';
import { createPhotoAttempts } from '../../../src/jobs/attempts/photos.ts';
import { hearOfPhotos } from '../../../src/jobs/attempts/told.ts';
import { createVideoAttempts } from '../../../src/jobs/attempts/video.ts';
import { JobRun } from '../../../src/jobs/run/job-run.ts';
import { createDiskStorage } from '../../../src/storage/disk.ts';
import { type Appliance, anAppliance } from '../../support/appliance.ts';

const KEY = 'a'.repeat(32);
const BYTES = Buffer.from(Array.from({ length: 5000 }, (_, n) => n % 251));

describe('an address from which TikTok pulls a photo', () => {
  let app: Appliance;
  let db: Knex;
  let jobId: string;
  let creatorId: string;
  before(async () => {
    app = await anAppliance({ LOG_LEVEL: 'debug' });
    db = app.db;
    creatorId = (await app.creator('pulled')).creatorId;
    jobId = await aJob();
    const storage = createDiskStorage(join(app.data_dir, 'media'));
    await storage.write(KEY, Readable.from([BYTES]));
  });
  after(() => app?.[Symbol.asyncDispose]());

  async function aJob(): Promise<string> {
    const [row] = await db('jobs')
      .insert({
        ...{ creator_id: creatorId, kind: 'photo', mode: 'now', send_at: new Date(), title: '' },
        ...{ destination: 'direct', settings: '{}', state: 'unconfirmed' },
      })
      .returning('id');
    return row.id;
  }

  const link = async (contentType = 'image/jpeg') => {
    const file = { position: 0, storage_key: KEY, content_type: contentType, bytes: BYTES.length };
    const [token = ''] = await db.transaction((trx) => replaceLinks(trx, jobId, [file]));
    return `${app.url}/photos/${token}`;
  };
  const fetched = async () =>
    (await db('photo_links').where({ job_id: jobId }).first())?.fetched_at;
  const ask = (url: string, range?: string, method = 'GET') =>
    fetch(url, { method, redirect: 'manual', headers: range ? { range } : {} });

  it('answers whole and in ranges, as it is, and says that nobody may keep it', async () => {
    const url = await link();
    expect(url.split('/').at(-1)?.length).to.be.at.least(43);
    const whole = await ask(url);
    expect(whole.status).to.equal(200);
    expect(Object.fromEntries(whole.headers)).to.include({
      'content-type': 'image/jpeg',
      'content-length': '5000',
      'accept-ranges': 'bytes',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    expect(whole.headers.get('content-encoding')).to.equal(null);
    expect(whole.headers.get('set-cookie')).to.equal(null);
    expect(Buffer.from(await whole.arrayBuffer()).equals(BYTES)).to.equal(true);
    const ranges: [string, number, string, number, number][] = [
      ['bytes=0-1023', 206, 'bytes 0-1023/5000', 0, 1024],
      ['bytes=1024-', 206, 'bytes 1024-4999/5000', 1024, 5000],
      ['bytes=-10', 206, 'bytes 4990-4999/5000', 4990, 5000],
      ['bytes=4999-9999', 206, 'bytes 4999-4999/5000', 4999, 5000],
    ];
    for (const [range, status, told, from, to] of ranges) {
      const part = await ask(url, range);
      expect(part.status).to.equal(status);
      expect(part.headers.get('content-range')).to.equal(told);
      const bytes = Buffer.from(await part.arrayBuffer());
      expect(bytes.equals(BYTES.subarray(from, to))).to.equal(true);
    }
    const beyond = await ask(url, 'bytes=5000-');
    expect(beyond.status).to.equal(416);
    expect(beyond.headers.get('content-range')).to.equal('bytes */5000');
  });

  it('notes that it was fetched before the first byte, a HEAD included', async () => {
    const url = await link();
    expect(await fetched()).to.equal(null);
    const head = await ask(url, undefined, 'HEAD');
    expect(head.status).to.equal(200);
    expect(head.headers.get('content-length')).to.equal('5000');
    const first = await fetched();
    expect(first).to.be.instanceOf(Date);
    await (await ask(url)).arrayBuffer();
    expect(await fetched()).to.deep.equal(first);
  });

  it('is gone with its attempt, with its time, and when another takes its place', async () => {
    const first = await link();
    const second = await link();
    expect((await ask(first)).status).to.equal(404);
    await db('photo_links').where({ job_id: jobId }).update({ expires_at: new Date() });
    expect((await ask(second)).status).to.equal(404);
    expect(await fetched()).to.equal(null);
    const third = await link();
    await removeLinks(db, [jobId]);
    expect((await ask(third)).status).to.equal(404);
    for (const nonsense of ['x', '..%2f..%2fetc%2fpasswd', 'a'.repeat(3000), '%00']) {
      expect((await ask(`${app.url}/photos/${nonsense}`)).status).to.be.within(400, 414);
    }
  });

  it('waits while the attempt is being taken back, and then is no more', async () => {
    const url = await link();
    const token = url.split('/').at(-1) ?? '';
    let taken: Promise<unknown> | undefined;
    await db.transaction(async (trx) => {
      expect(await mayBeFetched(trx, jobId)).to.equal(false);
      taken = takeLink(db, token);
      await removeLinks(trx, [jobId]);
    });
    expect(await taken).to.equal(undefined);
  });

  it('makes the taking back wait while a fetch is being noted, and then see it', async () => {
    const token = (await link()).split('/').at(-1) ?? '';
    let judged: Promise<boolean> | undefined;
    await db.transaction(async (trx) => {
      await takeLink(trx, token);
      judged = db.transaction((other) => mayBeFetched(other, jobId));
      await trx.raw('select pg_sleep(0.2)');
    });
    expect(await judged).to.equal(true);
  });

  it('tells nothing where there is no row: then it may have been fetched', async () => {
    await removeLinks(db, [jobId]);
    expect(await db.transaction((trx) => mayBeFetched(trx, jobId))).to.equal(true);
  });

  it('is not made, nor a last byte let go, for an account that was suspended meanwhile', async () => {
    const id = await aJob();
    const runToken = randomUUID();
    const [job] = await db('jobs')
      .where({ id })
      .update({ state: 'ready', run_token: runToken })
      .returning('*');
    const storage = createDiskStorage(join(app.data_dir, 'media'));
    const ctx = {
      ...{ db, config: { PUBLIC_URL: app.url }, secrets: {}, timing: TIMING },
      continuity: createContinuity({ db, storage }),
    } as unknown as Context;
    const { signal } = new AbortController();
    using run = new JobRun(ctx, job, { stopping: signal, aborted: signal, isLastAttempt: false });
    const photos = createPhotoAttempts(ctx, run);
    const attempt = await photos.intend(1);
    const suspended = (at: Date | null) =>
      db('creators').where({ id: creatorId }).update({ suspended_at: at });
    await suspended(new Date());
    const file = { position: 0, storage_key: KEY, content_type: 'image/jpeg', bytes: 1 };
    const refusals = [
      photos.mark(attempt, [file]),
      createVideoAttempts(ctx, run).commit(attempt),
    ].map((work) =>
      work.then(
        () => 'taken',
        ({ code }) => code,
      ),
    );
    expect(await Promise.all(refusals)).to.deep.equal(['forbidden', 'forbidden']);
    expect(await db('photo_links').where({ job_id: id })).to.deep.equal([]);
    await suspended(null);
    await photos.mark(attempt, [file]);
    expect(await db('photo_links').where({ job_id: id })).to.have.length(1);
  });

  it('stands in no log', async () => {
    const url = await link();
    await ask(url);
    expect(app.output()).not.to.contain(url.split('/').at(-1));
  });

  describe('an id that TikTok tells by itself', () => {
    let openId: string;
    before(async () => {
      openId = (await db('creators').where({ id: creatorId }).first()).open_id;
    });
    beforeEach(() => db('publish_attempts').delete());
    const attempt = async (more: Record<string, unknown> = {}) => {
      const [row] = await db('publish_attempts')
        .insert({
          ...{ job_id: await aJob(), number: 1, bytes: 1, committed_at: new Date() },
          ...more,
        })
        .returning('*');
      return row;
    };
    const told = async () =>
      (await db('publish_attempts').orderBy('intended_at')).map((each) => each.told_publish_id);

    it('is the one unanswered attempt’s', async () => {
      const { job_id: asked } = await attempt();
      expect(await hearOfPhotos(db, openId, 'p_pub_url~v2.1')).to.equal(asked);
      expect(await told()).to.deep.equal(['p_pub_url~v2.1']);
      // The first word stands.
      await hearOfPhotos(db, openId, 'p_pub_url~v2.2');
      expect(await told()).to.deep.equal(['p_pub_url~v2.1']);
    });

    const unsure: [string, Record<string, unknown>[], string][] = [
      ['there are two', [{}, {}], 'p_pub_url~v2.1'],
      [
        'one was taken back, and may be what is told of',
        [{ closed_at: new Date(), outcome: 'never_fetched' }, {}],
        'p_pub_url~v2.1',
      ],
      [
        'the creator has told how another ended, and it may be that one’s',
        [{ closed_at: new Date(), outcome: 'resolved: posted' }, {}],
        'p_pub_url~v2.1',
      ],
      ['TikTok was not told of it yet', [{ committed_at: null }], 'p_pub_url~v2.1'],
      ['it is known already', [{ publish_id: 'p_pub_url~v2.1' }, {}], 'p_pub_url~v2.1'],
      ['it is a video’s', [{}], 'v_pub_file~v2-1.1'],
      [
        'TikTok refused it',
        [{ closed_at: new Date(), outcome: 'url_ownership_unverified' }],
        'p_pub_url~v2.1',
      ],
    ];
    for (const [name, attempts, publishId] of unsure) {
      it(`is nobody’s when ${name}`, async () => {
        for (const each of attempts) await attempt(each);
        expect(await hearOfPhotos(db, openId, publishId)).to.equal(undefined);
        expect((await told()).every((each) => each === null)).to.equal(true);
      });
    }

    it('stops the retry of a post that was said not to be there', async () => {
      const { job_id: retried } = await attempt({
        ...{ closed_at: new Date(), outcome: 'resolved: not_posted' },
      });
      await db('jobs').where({ id: retried }).update({ state: 'ready' });
      expect(await hearOfPhotos(db, openId, 'p_pub_url~v2.1')).to.equal(retried);
      expect(await db('jobs').where({ id: retried }).first()).to.include({
        ...{ state: 'sent', publish_id: 'p_pub_url~v2.1', run_token: null },
      });
      expect(await db('publish_attempts').where({ job_id: retried }).first()).to.include({
        ...{ publish_id: 'p_pub_url~v2.1', closed_at: null, outcome: null },
      });
      await db('jobs').where({ id: retried }).delete();
    });

    it('stops nothing that has its mark by now', async () => {
      const { job_id: retried } = await attempt({
        ...{ closed_at: new Date(), outcome: 'resolved: not_posted' },
      });
      await db('jobs').where({ id: retried }).update({ state: 'sending' });
      await db('publish_attempts').insert({
        ...{ job_id: retried, number: 2, bytes: 1, committed_at: new Date(), publish_id: 'p2' },
      });
      expect(await hearOfPhotos(db, openId, 'p_pub_url~v2.1')).to.equal(undefined);
      expect(await db('jobs').where({ id: retried }).first()).to.include({ state: 'sending' });
      await db('jobs').where({ id: retried }).delete();
    });

    it('is nobody’s when it is told of another account', async () => {
      await attempt();
      expect(await hearOfPhotos(db, 'somebody-else', 'p_pub_url~v2.1')).to.equal(undefined);
    });
  });
});
