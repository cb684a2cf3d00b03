import { createHash, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { followDatabaseTime } from '../../../src/base/database-time.ts';
import { Problem } from '../../../src/base/errors.ts';
import { randomToken } from '../../../src/base/secrets.ts';
import type { Context } from '../../../src/context/context.ts';
import { getCreator } from '../../../src/creators/store.ts';
import { finishUpload } from '../../../src/media/tus/finish.ts';
import { takeParts } from '../../../src/media/tus/parts.ts';
import { insertUpload, type Upload } from '../../../src/media/tus/store.ts';
import {
  type Appliance,
  anAppliance,
  type Client,
  type Env,
  type Json,
} from '../../support/appliance.ts';
import { aBucket, type TestBucket } from '../../support/bucket.ts';
import { aContext } from '../../support/context.ts';
import { paddedVideo } from '../../support/videos.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

for (const storage of ['disk', 's3'])
  describe(`an upload that is interrupted, with ${storage}`, () => {
    let bucket: TestBucket | undefined;
    let app: Appliance;
    let ctx: Context;
    let client: Client;
    let bytes: Buffer<ArrayBuffer>;
    before(async () => {
      if (storage === 's3') bucket = await aBucket();
      const env = { LOG_LEVEL: 'warn', API_REQUESTS_PER_MINUTE: '0', ...bucket?.env };
      app = await anAppliance(env);
      const { database_url, data_dir } = app;
      ctx = await aContext({ database_url, data_dir, tiktok_url: app.sandbox.url, env });
      client = await app.creator();
      bytes = await paddedVideo(45_000_000);
    });
    after(async () => {
      await ctx?.db.destroy();
      await app?.[Symbol.asyncDispose]();
      await bucket?.[Symbol.asyncDispose]();
    });

    const headers = (more: Env = {}) => ({
      authorization: `Bearer ${client.key}`,
      'tus-resumable': '1.0.0',
      ...more,
    });
    async function begin(length = bytes.length): Promise<string> {
      const answer = await fetch(`${app.url}/v1/uploads`, {
        method: 'POST',
        headers: headers({ 'upload-length': String(length) }),
      });
      return answer.headers.get('location') as string;
    }
    const patch = (
      path: string,
      offset: number,
      body: Uint8Array | ReadableStream,
      url = app.url,
    ) =>
      fetch(url + path, {
        ...{ method: 'PATCH', body, duplex: 'half' },
        headers: headers({
          'upload-offset': String(offset),
          'content-type': 'application/offset+octet-stream',
        }),
      } as RequestInit);
    const head = (path: string) => fetch(app.url + path, { method: 'HEAD', headers: headers() });
    async function objects(): Promise<string[]> {
      const keys: string[] = [];
      for await (const { key } of ctx.storage.list()) keys.push(key);
      return keys;
    }
    const rowOf = (path: string): Promise<Upload> =>
      ctx
        .db('uploads')
        .where({ id: path.split('/').at(-1) })
        .first();

    /** All of an upload's bytes have come, and nothing was made of them. */
    async function complete(): Promise<string> {
      const id = randomUUID();
      const own = { creator_id: client.creatorId, storage_key: randomToken(190), metadata: {} };
      const upload = await insertUpload(ctx.db, {
        id,
        ...own,
        writer: randomUUID(),
        length: bytes.length,
      });
      await takeParts(ctx, upload, Readable.from(pieces(bytes)));
      return `/v1/uploads/${id}`;
    }
    function* pieces(of: Buffer) {
      for (let at = 0; at < of.length; at += 65_536) yield of.subarray(at, at + 65_536);
    }

    it('goes on where a kill in the midst of a request left it', async () => {
      const path = await begin();
      let isKilled = false;
      const body = new ReadableStream({
        async pull(controller) {
          // Slowly, so that parts are stored while it flows.
          const at = sent;
          sent += 1_000_000;
          controller.enqueue(bytes.subarray(at, sent));
          if (sent >= 40_000_000 && !isKilled) {
            isKilled = true;
            await app.kill();
            controller.error(new Error('Nobody takes it any more'));
          } else await sleep(10);
        },
      });
      let sent = 0;
      await patch(path, 0, body).catch(() => {});
      await app.start();
      const answer = await head(path);
      const offset = Number(answer.headers.get('upload-offset'));
      // No more than a part of what had been sent is lost.
      expect(offset).to.be.within(16_000_000, 40_000_000);
      expect(offset).to.equal((await rowOf(path)).received);
      const last = await patch(path, offset, bytes.subarray(offset));
      expect(last.status).to.equal(204);
      const { json } = await client.api('GET', path);
      expect(json['media']).to.include({ sha256: sha256(bytes), bytes: bytes.length });
    });

    it('is made a file by whoever asks next, once, however many ask', async () => {
      for (const how of ['HEAD', 'PATCH']) {
        const before = (await objects()).length;
        const path = await complete();
        const { storage_key } = await rowOf(path);
        const ask = () =>
          how === 'HEAD' ? head(path) : patch(path, bytes.length, new Uint8Array());
        const answers = await Promise.all([ask(), ask(), ask()]);
        for (const { status, headers: got } of [...answers, await ask()]) {
          expect(status).to.equal(how === 'HEAD' ? 200 : 204);
          expect(got.get('pm3k-storage-key')).to.equal(storage_key);
        }
        expect(await ctx.db('media').where({ storage_key })).to.have.length(1);
        expect((await objects()).length).to.equal(before + 1);
        expect((await client.api('GET', path)).json['media']['sha256']).to.equal(sha256(bytes));
      }
    });

    it('is finished by another process than the one that began it', async () => {
      const other = await app.startWeb();
      const path = await begin();
      expect((await patch(path, 0, bytes.subarray(0, 20_000_000))).status).to.equal(204);
      const last = await patch(path, 20_000_000, bytes.subarray(20_000_000), other);
      expect(last.status).to.equal(204);
      expect((await client.api('GET', path)).json['media']['sha256']).to.equal(sha256(bytes));
    });

    it('says that a part of it is lost, and goes with the rest', async () => {
      const path = await complete();
      const row = await rowOf(path);
      const parts = await ctx.db('upload_parts').where({ upload_id: row.id }).orderBy('starts_at');
      expect(parts.length).to.be.greaterThan(2);
      await ctx.storage.remove(parts[1].storage_key);
      const answer = await client.api('POST', path, '', {
        ...{ 'tus-resumable': '1.0.0', 'x-http-method-override': 'PATCH' },
        ...{
          'upload-offset': String(bytes.length),
          'content-type': 'application/offset+octet-stream',
        },
      });
      expect([answer.status, answer.json['code']]).to.deep.equal([422, 'media_rejected']);
      expect((await head(path)).status).to.equal(404);
      const keys = await objects();
      for (const part of parts) expect(keys).not.to.include(part.storage_key);
    });

    it('is looked after by the mender as long as it can be gone on with', async () => {
      const path = await begin();
      await patch(path, 0, bytes.subarray(0, 20_000_000));
      const { id } = await rowOf(path);
      const parts = await ctx.db('upload_parts').where({ upload_id: id }).pluck('storage_key');
      const { reconcile: mend } = await import('../../../src/retention/reconcile.ts');
      // Two hours later: the database's time is carried on by this clock.
      (await followDatabaseTime(ctx.db, ctx.log)).stop();
      const real = performance.now;
      performance.now = () => real.call(performance) + 2 * 3_600_000;
      try {
        await mend(ctx, {}, new AbortController().signal);
      } finally {
        performance.now = real;
      }
      expect(await objects()).to.include.members(parts);
      expect((await patch(path, 20_000_000, bytes.subarray(20_000_000))).status).to.equal(204);
    });

    it('is refused while its creator may not post, and can be ended all the same', async () => {
      const path = await begin();
      const creators = ctx.db('creators').where({ id: client.creatorId });
      await creators.clone().update({ disconnected_at: new Date() });
      const refused = await patch(path, 0, new Uint8Array(5));
      expect([refused.status, ((await refused.json()) as Json)['code']]).to.deep.equal([
        403,
        'creator_disconnected',
      ]);
      await creators.clone().update({ disconnected_at: null, suspended_at: new Date() });
      expect((await patch(path, 0, new Uint8Array(5))).status).to.equal(403);
      await creators.clone().update({ suspended_at: null, disconnected_at: new Date() });
      const ended = await fetch(app.url + path, { method: 'DELETE', headers: headers() });
      expect(ended.status).to.equal(204);
      await creators.clone().update({ disconnected_at: null });
    });

    it('waits with all that has arrived when there is no room to put it together', async () => {
      const creator = await getCreator(ctx.db, client.creatorId);
      const storageKey = randomToken(190);
      const own = {
        creator_id: creator.id,
        storage_key: storageKey,
        metadata: {},
        writer: randomUUID(),
      };
      const { length } = bytes;
      const begun = await insertUpload(ctx.db, { id: randomUUID(), ...own, length });
      const upload = await takeParts(ctx, begun, Readable.from(pieces(bytes)));
      const before = await objects();
      const check = async (wanted = 0) => {
        if (wanted >= length) throw new Problem('storage_full', 'Full.');
      };
      const full = { ...ctx, storage: { ...ctx.storage, check } };
      const code = await finishUpload(full, creator, upload).catch((error) => error.code);
      expect(code).to.equal('storage_full');
      expect(await objects()).to.deep.equal(before);
      expect((await finishUpload(ctx, creator, upload)).sha256).to.equal(sha256(bytes));
    });

    it('leaves no file when its creator leaves while it is made', async () => {
      const { creatorId } = await app.creator(`left.${storage}`);
      const creators = ctx.db('creators').where({ id: creatorId });
      const creator = await getCreator(ctx.db, creatorId);
      const storageKey = randomToken(190);
      const own = {
        creator_id: creatorId,
        storage_key: storageKey,
        metadata: {},
        writer: randomUUID(),
      };
      const length = bytes.length;
      const begun = await insertUpload(ctx.db, { id: randomUUID(), ...own, length });
      const upload = await takeParts(ctx, begun, Readable.from(pieces(bytes)));
      await creators.clone().update({ leaving_at: new Date() });
      const code = await finishUpload(ctx, creator, upload).catch((error) => error.code);
      expect(code).to.equal('not_found');
      expect(await ctx.storage.has(storageKey)).to.equal(false);
      await creators.clone().update({ leaving_at: null });
      expect((await finishUpload(ctx, creator, upload)).sha256).to.equal(sha256(bytes));
    });

    it('goes with its creator, every part of it', async () => {
      const leaver = await app.creator('leaver');
      const own = { creator_id: leaver.creatorId, storage_key: randomToken(190), metadata: {} };
      const upload = await insertUpload(ctx.db, {
        id: randomUUID(),
        ...own,
        writer: randomUUID(),
        length: 1e9,
      });
      await takeParts(ctx, upload, Readable.from(pieces(bytes)));
      const parts = await ctx
        .db('upload_parts')
        .where({ upload_id: upload.id })
        .pluck('storage_key');
      expect(await objects()).to.include.members(parts);
      await leaver.form('/disconnect', { confirm: leaver.creatorId });
      while (!(await ctx.db('deletions').whereNotNull('done_at').first())) await sleep(100);
      const { receipt, traces } = await ctx.db('deletions').first();
      expect(traces).to.equal(0);
      expect(receipt).to.include({ files: 1, bytes: bytes.length });
      expect(receipt.rows).to.include({ uploads: 1, upload_parts: parts.length });
      const left = await objects();
      for (const key of parts) expect(left).not.to.include(key);
      const late = await takeParts(ctx, upload, Readable.from([bytes])).catch(({ code }) => code);
      expect(late, 'nothing is written after the broom').to.equal('not_found');
      expect(await objects()).to.deep.equal(left);
    });
  });
