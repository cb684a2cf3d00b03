// Shows that media.fetch uses stored files and downloads the others.
import { expect } from 'chai';
import { fetchSource } from '../../../plugins/media/fetch.ts';
import { isFetched } from '../../../src/jobs/job.ts';
import {
  hashOfPhotos,
  type Job,
  type JobPhoto,
  Problem,
  type StepContext,
} from '../../../src/plugin.ts';

/** A step context whose storage holds these keys, and whose URLs lead to files of these names. */
function withContext(
  stored: string[],
  urls: Record<string, string | Problem>,
  photos: unknown[] = [],
) {
  const asked: [string, string][] = [];
  const saved: unknown[] = [];
  const context = {
    storage: { has: async (key: string) => stored.includes(key) },
    photos: async () => photos,
    savePhoto: async (photo: unknown) => saved.push(photo),
    checkpoint: () => {},
    progress: () => {},
    findHash: async (key: string) => (key === 'unknown' ? null : `hash of ${key}`),
    isFetched,
    fetchSource: async ({ source_request }: JobPhoto, kind: string) => {
      const url = String(source_request?.['url']);
      asked.push([url, kind]);
      const found = urls[url];
      if (typeof found !== 'string') throw found;
      return { storage_key: found, sha256: `hash of ${found}`, facts: { kind, bytes: 7 } };
    },
  } as unknown as StepContext;
  return { context, asked, saved };
}

const from = (url: string | null) =>
  url === null
    ? { source: 'pm3k_storage', source_request: null }
    : { source: 'url', source_request: { url } };
const aVideo = (sourceKey: string | null, url: string | null) =>
  ({ kind: 'video', source_key: sourceKey, ...from(url) }) as Job;
const photosOf = (...sources: [string | null, string | null][]) =>
  sources.map(([sourceKey, url], position) => ({ position, source_key: sourceKey, ...from(url) }));
const album = { kind: 'photo' } as Job;

async function codeOf(work: Promise<unknown>): Promise<[string, string]> {
  const error = await work.then(
    () => new Problem('internal_error', 'It did not fail'),
    (thrown) => thrown,
  );
  return [error.code, error.message];
}

describe('media.fetch', () => {
  it('takes what is stored as it is, and fetches what is not', async () => {
    const { context, asked } = withContext(['kept'], { 'https://a.com/v': 'new' });
    expect(await fetchSource(aVideo('kept', null), context)).to.deep.equal({});
    expect(await fetchSource(aVideo('kept', 'https://a.com/v'), context)).to.deep.equal({});
    expect(asked).to.deep.equal([]);
    const patch = {
      source_key: 'new',
      source_sha256: 'hash of new',
      media: { kind: 'video', bytes: 7, changes: [] },
    };
    for (const key of [null, 'lost']) {
      expect(await fetchSource(aVideo(key, 'https://a.com/v'), context)).to.deep.equal(patch);
    }
    expect(asked).to.deep.equal([
      ['https://a.com/v', 'video'],
      ['https://a.com/v', 'video'],
    ]);
  });

  it('refuses an upload that is no longer stored', async () => {
    const { context } = withContext(['kept'], {}, photosOf(['kept', null], ['lost', null]));
    for (const job of [aVideo('lost', null), aVideo(null, null), album]) {
      const [code, words] = await codeOf(fetchSource(job, context));
      expect(code).to.equal('media_rejected');
      expect(words).to.contain('no longer stored');
    }
  });

  it('fetches those photos that have a URL, and knows all of them again by one hash', async () => {
    const photos = photosOf(['kept', null], [null, 'https://a.com/1'], ['lost', 'https://a.com/2']);
    const urls = { 'https://a.com/1': 'one', 'https://a.com/2': 'two' };
    const { context, asked, saved } = withContext(['kept'], urls, photos);
    const sourceSha256 = hashOfPhotos(['hash of kept', 'hash of one', 'hash of two']);
    expect(await fetchSource(album, context)).to.deep.equal({ source_sha256: sourceSha256 });
    expect(saved).to.deep.equal([
      { position: 1, source_key: 'one' },
      { position: 2, source_key: 'two' },
    ]);
    expect(asked.map(([, kind]) => kind)).to.deep.equal(['photo', 'photo']);
    // The step runs again after a kill behind the last photo.
    const there = photosOf(['kept', null], ['one', 'https://a.com/1'], ['two', 'https://a.com/2']);
    const again = withContext(['kept', 'one', 'two'], {}, there);
    expect(await fetchSource(album, again.context)).to.deep.equal({ source_sha256: sourceSha256 });
    expect(again.saved).to.deep.equal([]);
    const uploads = withContext(['kept'], {}, photosOf(['kept', null]));
    expect(await fetchSource(album, uploads.context)).to.deep.equal({});
  });

  it('names the photo that could not be fetched', async () => {
    const photos = photosOf([null, 'https://a.com/1'], [null, 'https://a.com/2']);
    const gone = new Problem('fetch_failed', 'The source answered with HTTP 404.');
    const urls = { 'https://a.com/1': 'one', 'https://a.com/2': gone };
    const { context } = withContext([], urls, photos);
    const [code, words] = await codeOf(fetchSource(album, context));
    expect(code).to.equal('fetch_failed');
    expect(words).to.equal('Photo 2: The source answered with HTTP 404.');
  });
});
