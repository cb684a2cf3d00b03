import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import { createAccount } from '../../scripts/tiktok-sandbox/initial-state.ts';
import { startSandbox } from '../../scripts/tiktok-sandbox/sandbox.ts';
import { Problem } from '../../src/base/errors.ts';
import type { Context } from '../../src/context/context.ts';
import { getCreator } from '../../src/creators/store.ts';
import { addDomain, getDomain } from '../../src/domains/store.ts';
import { checkDomain } from '../../src/domains/verify.ts';
import { urlSource } from '../../src/jobs/built-in-sources.ts';
import {
  downloadSource,
  type SourceContext,
  type SourceFile,
} from '../../src/media/download-source.ts';
import { createSafeFetch } from '../../src/safe-fetch/fetch.ts';
import { aCreator } from '../support/a-creator.ts';
import { aCanary, type Canary } from '../support/canary.ts';
import { anOwnContext } from '../support/context.ts';
import { aSource, type Source } from '../support/source.ts';
import { video } from '../support/videos.ts';

const HOST = 'media.example.com';
const STRICT = { allowPrivateNetworks: false, timeoutMs: 2_000 };

describe('the worker, handed a URL', () => {
  let ctx: Context;
  let canary: Canary;
  let source: Source;
  let creatorId: string;
  let dataDir: string;
  let stored: string[];
  const ends: (() => unknown)[] = [];
  before(async () => {
    const sandbox = await startSandbox();
    const env = { PLAN_FREE_VERIFIED_URLS: 'false', PLAN_TRIAL_UPLOAD_MB: '1' };
    const own = await anOwnContext({ tiktok_url: sandbox.url, env });
    ({ ctx, data_dir: dataDir } = own);
    canary = await aCanary();
    source = await aSource();
    creatorId = (await aCreator(ctx, sandbox, createAccount('given.url', 'Given a URL'))).id;
    stored = objects();
    ends.push(
      () => own[Symbol.asyncDispose](),
      () => canary[Symbol.asyncDispose](),
      () => source[Symbol.asyncDispose](),
      () => sandbox.close(),
    );
  });
  after(async () => {
    for (const end of ends) await end();
  });
  beforeEach(async () => {
    await ctx.db('domains').delete();
    const { domain } = await addDomain(ctx.db, creatorId, HOST);
    const now = new Date();
    await ctx
      .db('domains')
      .where({ id: domain.id })
      .update({
        ...{ verified_at: now, checked_at: now, found_at: now },
      });
    canary.heard.length = 0;
    canary.resolved.length = 0;
  });

  const objects = () =>
    readdirSync(join(dataDir, 'media'), { recursive: true })
      .map(String)
      .filter((name) => /^(..|incoming)\/./.test(name));

  /** As the worker would, with these answers of DNS; nothing may be left behind by what is refused. */
  async function codeOf(url: string, addresses: string[] = ['93.184.215.14']): Promise<string> {
    ctx.safeFetch = createSafeFetch(STRICT, canary.network({ [HOST]: addresses }));
    const signal = new AbortController().signal;
    const job = { creator_id: creatorId, send_at: new Date() };
    const code = await downloadSource(ctx, job, {
      ...{ kind: 'video', signal, log: ctx.log, settings: {} },
      open: (context) => urlSource.fetch({ url }, context),
    }).then(
      () => 'kept',
      (error) => error.code,
    );
    expect(objects()).to.have.members(stored);
    return code;
  }

  it('believes neither the row nor DNS', async () => {
    for (const url of [
      ...['http://media.example.com/v.mp4', 'https://media.example.com:8443/v.mp4'],
      ...['https://a:b@media.example.com/', 'https://127.0.0.1/v.mp4', 'https://localhost/v.mp4'],
      ...['file:///etc/passwd', 'https://[::1]/', 'https://169.254.169.254/latest/meta-data/'],
    ])
      expect(await codeOf(url), url).to.equal('url_not_allowed');
    expect(await codeOf('https://other.example.com/v.mp4')).to.equal('domain_not_verified');
    for (const address of ['127.0.0.1', '10.0.0.1', '169.254.169.254', '::1', '::ffff:10.0.0.1'])
      expect(await codeOf(`https://${HOST}/v.mp4`, [address])).to.equal('url_not_allowed');
    expect(canary.heard).to.deep.equal([]);
    // It does hear what is let through.
    expect(await codeOf(`https://${HOST}/v.mp4`)).to.equal('fetch_failed');
    expect(canary.heard).to.deep.equal(['93.184.215.14']);
  });

  it('asks for domain and plan anew', async () => {
    await ctx.db('creators').where({ id: creatorId }).update({ plan: 'free' });
    expect(await codeOf(`https://${HOST}/v.mp4`)).to.equal('source_not_allowed_for_plan');
    await ctx.db('creators').where({ id: creatorId }).update({ plan: 'paid' });
    await ctx.db('domains').update({ verified_at: null });
    expect(await codeOf(`https://${HOST}/v.mp4`)).to.equal('domain_not_verified');
    await ctx.db('domains').delete();
    expect(await codeOf(`https://${HOST}/v.mp4`)).to.equal('domain_not_verified');
    expect(canary.heard).to.deep.equal([]);
  });

  it('verifies no host that leads into our own network', async () => {
    const creator = await getCreator(ctx.db, creatorId);
    const { domain } = await addDomain(ctx.db, creator.id, HOST);
    ctx.safeFetch = createSafeFetch(STRICT, canary.network({ [HOST]: ['192.168.1.1'] }));
    await checkDomain(ctx, domain, new AbortController().signal);
    const { verified_at, fault } = await getDomain(ctx.db, creator.id, domain.id);
    expect(verified_at).to.equal(null);
    expect(fault?.code).to.equal('url_not_allowed');
    expect(fault?.message).not.to.contain('192.168');
    expect(canary.heard).to.deep.equal([]);
  });

  describe('of a server that answers', () => {
    const open = { allowPrivateNetworks: true, timeoutMs: 2_000 };
    const signal = new AbortController().signal;
    const keep = (path: string, kind: 'video' | 'photo' = 'video') =>
      fetchFile(kind, (context) => urlSource.fetch({ url: `${source.url}${path}` }, context));
    const fetchFile = (
      kind: 'video' | 'photo',
      open: (context: SourceContext) => Promise<SourceFile>,
    ) =>
      downloadSource(
        ctx,
        { creator_id: creatorId, send_at: new Date() },
        { kind, signal, log: ctx.log, settings: {}, open },
      );
    beforeEach(async () => {
      ctx.safeFetch = createSafeFetch(open);
      await ctx.db('domains').update({ host: source.host });
    });

    it('keeps a working copy of the creator’s, with what it is', async () => {
      const bytes = await video();
      source.answers['/v'] = bytes;
      const kept = await keep('/v');
      expect(kept).to.include({ bytes: bytes.length, content_type: 'video/mp4' });
      expect(kept.facts).to.include({ kind: 'video', sha256: kept.sha256, width: 360 });
      const row = await ctx.db('media').where({ storage_key: kept.storage_key }).first();
      expect(row).to.include({ creator_id: creatorId, purpose: 'working', sha256: kept.sha256 });
      expect(await ctx.storage.size(kept.storage_key)).to.equal(bytes.length);
      await ctx.storage.remove(kept.storage_key);
    });

    it('holds to the plan’s size, refuses what is of another kind, and keeps neither', async () => {
      source.answers['/v'] = await video();
      source.answers['/large'] = Buffer.alloc(1_000_001);
      await ctx.db('creators').where({ id: creatorId }).update({ plan: 'trial' });
      for (const [path, kind, code] of [
        ['/large', 'video', 'too_large'],
        ['/v', 'photo', 'media_rejected'],
      ] as const) {
        const error = await keep(path, kind).catch((thrown) => thrown);
        expect(error.code).to.equal(code);
      }
      expect(objects()).to.have.members(stored);
    });

    it('takes a stream from any source, and believes no size that it was told', async () => {
      const bytes = await video();
      const kept = await fetchFile('video', async () => ({
        ...{ body: Readable.from([bytes]), bytes: bytes.length, fileName: 'holiday.mp4' },
      }));
      const row = await ctx.db('media').where({ storage_key: kept.storage_key }).first();
      expect(row).to.include({ purpose: 'working', file_name: 'holiday.mp4' });
      expect(kept.facts).to.include({ bytes: bytes.length, sha256: kept.sha256 });
      await ctx.storage.remove(kept.storage_key);
      await ctx.db('creators').where({ id: creatorId }).update({ plan: 'trial' });
      const large = () => Readable.from([Buffer.alloc(600_000), Buffer.alloc(600_000)]);
      for (const size of [1_200_000, 7, null]) {
        const body = large();
        const error = await fetchFile('video', async () => ({ body, bytes: size })).catch(
          (thrown) => thrown,
        );
        expect(error.code).to.equal('too_large');
        expect(body.destroyed).to.equal(true);
      }
      expect(objects()).to.have.members(stored);
    });

    it('hands each source the guard, which fetches from public addresses alone', async () => {
      source.answers['/v'] = await video();
      const open = ({ safeFetch }: SourceContext) => safeFetch(`${source.url}/v`);
      const kept = await fetchFile('video', open);
      await ctx.storage.remove(kept.storage_key);
      ctx.safeFetch = createSafeFetch(STRICT);
      const error = await fetchFile('video', open).catch((thrown) => thrown);
      expect(error.code).to.equal('url_not_allowed');
      expect(objects()).to.have.members(stored);
    });

    it('ends what it opened when the source fails behind it', async () => {
      const closed = Promise.withResolvers<void>();
      source.answers['/endless'] = (_request, response) => {
        response.once('close', () => closed.resolve());
        response.write('a');
      };
      const error = await fetchFile('video', async ({ safeFetch }) => {
        await safeFetch(`${source.url}/endless`);
        throw new Problem('fetch_failed', 'There is no such file.');
      }).catch((thrown) => thrown);
      expect(error.message).to.equal('There is no such file.');
      await closed.promise;
    });

    it('keeps nothing for a creator who began to leave meanwhile', async () => {
      const bytes = await video();
      source.answers['/v'] = async (_request, response) => {
        await ctx.db('creators').where({ id: creatorId }).update({ leaving_at: new Date() });
        response.end(bytes);
      };
      const error = await keep('/v').catch((thrown) => thrown);
      expect(error.code).to.equal('not_found');
      expect(objects()).to.have.members(stored);
    });
  });
});
