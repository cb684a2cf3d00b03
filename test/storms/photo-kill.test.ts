import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Fault } from '../../scripts/tiktok-sandbox/state.ts';
import type { Appliance, Client } from '../support/appliance.ts';
import {
  isMarked,
  photoAppliance,
  postsOf,
  shown,
  until,
  uploaded,
} from '../support/photo-posts.ts';
import { jpeg } from '../support/photos.ts';

interface Scene {
  app: Appliance;
  client: Client;
  id: string;
}

/** A post of two photos, with a fault ordered for one of TikTok's answers. */
async function scene(fault: { endpoint: string; kind: string }, hears = true): Promise<Scene> {
  const app = await photoAppliance({ hears });
  const client = await app.creator('killed');
  const keys = await uploaded(client, [await jpeg(), await jpeg({ colour: '#804020' })]);
  app.sandbox.state.faults.push({ ...fault, count: 1 } as Fault);
  const { json } = await client.api('POST', '/v1/jobs', client.photoJob(keys));
  return { app, client, id: json['id'] };
}

function expectOnePost({ app, client }: Scene): void {
  expect(postsOf(app, client)).to.have.length(1);
  const { findings: notes } = app.sandbox.state;
  expect(notes.filter((each) => each.kind === 'violation')).to.deep.equal([]);
  expect(notes.filter((each) => each.rule === 'duplicate_post')).to.deep.equal([]);
}

const inits = ({ app }: Scene) =>
  app.sandbox.state.publishes.filter((each) => each.kind === 'photo').length;

describe('a post of photos whose process is killed', () => {
  const moments: [string, { endpoint: string; kind: string }, (it: Scene) => Promise<boolean>][] = [
    [
      'before the mark',
      { endpoint: 'creator_info', kind: 'slow' },
      async ({ app }) => app.sandbox.state.faults.every(({ count }) => count === 0),
    ],
    [
      'between the mark and TikTok’s taking it',
      { endpoint: 'content/init', kind: 'slow' },
      ({ app, id }) => isMarked(app, id),
    ],
    [
      'after TikTok took it, before it pulled',
      { endpoint: 'content/init', kind: 'answer_late' },
      async (it) => inits(it) === 1,
    ],
    [
      'after TikTok posted it, before its answer was stored',
      { endpoint: 'content/init', kind: 'answer_late' },
      async ({ app, client }) => postsOf(app, client).length === 1,
    ],
    [
      'after the answer was stored',
      { endpoint: 'status/fetch', kind: 'slow' },
      async ({ client, id }) => (await shown(client, id))['publish_id'] !== null,
    ],
  ];
  for (const [name, fault, hasCome] of moments) {
    it(`is made once: killed ${name}`, async () => {
      const it = await scene(fault);
      try {
        await until(() => hasCome(it));
        await it.app.kill();
        await it.app.start();
        const job = await it.client.ended(it.id, 120_000);
        expect(job['status'], JSON.stringify(job['error'])).to.equal('finished');
        // What TikTok took from the process that died is heard of before this looks.
        await sleep(1_000);
        expectOnePost(it);
      } finally {
        await it.app[Symbol.asyncDispose]();
      }
    }).timeout(180_000);
  }

  it('is made once when the process stays away until TikTok has given up', async () => {
    const it = await scene({ endpoint: 'content/init', kind: 'answer_late' });
    try {
      it.app.sandbox.state.settings.processing_ms = 1_500;
      await until(async () => inits(it) === 1);
      await it.app.kill();
      await until(async () => it.app.sandbox.state.publishes[0]?.status === 'FAILED');
      await it.app.start();
      expect((await it.client.ended(it.id, 120_000))['status']).to.equal('finished');
      expect(inits(it)).to.equal(2);
      expectOnePost(it);
    } finally {
      await it.app[Symbol.asyncDispose]();
    }
  }).timeout(180_000);

  it('is unconfirmed where TikTok fetched and no word of it arrives, and is never made again', async () => {
    const it = await scene({ endpoint: 'content/init', kind: 'answer_late' }, false);
    try {
      await until(async () => postsOf(it.app, it.client).length === 1);
      await it.app.kill();
      await it.app.start();
      const { db } = it.app;
      const waiting = () => db('publish_attempts').whereNotNull('unanswered_at');
      await until(async () => (await waiting()).length === 1, 90_000);
      expect((await shown(it.client, it.id))['status']).to.equal('running');
      await db.raw(`update publish_attempts set unanswered_at = now() - interval '3 hours'`);
      await db.raw(`update graphile_worker._private_jobs set run_at = now() where key = ?`, [
        `job:${it.id}`,
      ]);
      await until(async () => (await shown(it.client, it.id))['status'] === 'unconfirmed');
      expect(inits(it)).to.equal(1);
      const answer = await it.client.api('POST', `/v1/jobs/${it.id}/resolution`, {
        outcome: 'posted',
      });
      expect(answer.json['status']).to.equal('finished');
      expectOnePost(it);
    } finally {
      await it.app[Symbol.asyncDispose]();
    }
  }).timeout(180_000);
});
