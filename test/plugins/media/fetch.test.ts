import { expect } from 'chai';
import { fetchSource } from '../../../plugins/media/fetch.ts';
import { type Hands, hashOfPhotos, type Job, Problem } from '../../../src/plugin.ts';

/** Hands whose storage holds these keys, and whose URLs lead to files of these names. */
function withHands(
  stored: string[],
  urls: Record<string, string | Problem>,
  photos: unknown[] = [],
) {
  const asked: [string, string][] = [];
  const saved: unknown[] = [];
  const hands = {
    storage: { has: async (key: string) => stored.includes(key) },
    photos: async () => photos,
    savePhoto: async (photo: unknown) => saved.push(photo),
    checkpoint: () => {},
    progress: () => {},
    hashOf: async (key: string) => (key === 'unknown' ? null : `hash of ${key}`),
    fetchSource: async (url: string, kind: string) => {
      asked.push([url, kind]);
      const found = urls[url];
      if (typeof found !== 'string') throw found;
      return { storage_key: found, sha256: `hash of ${found}`, facts: { kind, bytes: 7 } };
    },
  } as unknown as Hands;
  return { hands, asked, saved };
}

const aVideo = (sourceKey: string | null, sourceUrl: string | null) =>
  ({ kind: 'video', source_key: sourceKey, source_url: sourceUrl }) as Job;
const photosOf = (...sources: [string | null, string | null][]) =>
  sources.map(([sourceKey, sourceUrl], position) => ({
    position,
    source_key: sourceKey,
    source_url: sourceUrl,
  }));
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
    const { hands, asked } = withHands(['kept'], { 'https://a.com/v': 'new' });
    expect(await fetchSource(aVideo('kept', null), hands)).to.deep.equal({});
    expect(await fetchSource(aVideo('kept', 'https://a.com/v'), hands)).to.deep.equal({});
    expect(asked).to.deep.equal([]);
    const patch = {
      source_key: 'new',
      source_sha256: 'hash of new',
      media: { kind: 'video', bytes: 7, changes: [] },
    };
    for (const key of [null, 'lost']) {
      expect(await fetchSource(aVideo(key, 'https://a.com/v'), hands)).to.deep.equal(patch);
    }
    expect(asked).to.deep.equal([
      ['https://a.com/v', 'video'],
      ['https://a.com/v', 'video'],
    ]);
  });

  it('refuses an upload that is no longer stored', async () => {
    const { hands } = withHands(['kept'], {}, photosOf(['kept', null], ['lost', null]));
    for (const job of [aVideo('lost', null), aVideo(null, null), album]) {
      const [code, words] = await codeOf(fetchSource(job, hands));
      expect(code).to.equal('media_rejected');
      expect(words).to.contain('no longer stored');
    }
  });

  it('fetches those photos that have a URL, and knows all of them again by one hash', async () => {
    const photos = photosOf(['kept', null], [null, 'https://a.com/1'], ['lost', 'https://a.com/2']);
    const urls = { 'https://a.com/1': 'one', 'https://a.com/2': 'two' };
    const { hands, asked, saved } = withHands(['kept'], urls, photos);
    const sourceSha256 = hashOfPhotos(['hash of kept', 'hash of one', 'hash of two']);
    expect(await fetchSource(album, hands)).to.deep.equal({ source_sha256: sourceSha256 });
    expect(saved).to.deep.equal([
      { position: 1, source_key: 'one' },
      { position: 2, source_key: 'two' },
    ]);
    expect(asked.map(([, kind]) => kind)).to.deep.equal(['photo', 'photo']);
    // Run again after a kill behind the last of them.
    const there = photosOf(['kept', null], ['one', 'https://a.com/1'], ['two', 'https://a.com/2']);
    const again = withHands(['kept', 'one', 'two'], {}, there);
    expect(await fetchSource(album, again.hands)).to.deep.equal({ source_sha256: sourceSha256 });
    expect(again.saved).to.deep.equal([]);
    const uploads = withHands(['kept'], {}, photosOf(['kept', null]));
    expect(await fetchSource(album, uploads.hands)).to.deep.equal({});
  });

  it('names the photo that could not be fetched', async () => {
    const photos = photosOf([null, 'https://a.com/1'], [null, 'https://a.com/2']);
    const gone = new Problem('fetch_failed', 'The source answered with HTTP 404.');
    const urls = { 'https://a.com/1': 'one', 'https://a.com/2': gone };
    const { hands } = withHands([], urls, photos);
    const [code, words] = await codeOf(fetchSource(album, hands));
    expect(code).to.equal('fetch_failed');
    expect(words).to.equal('Photo 2: The source answered with HTTP 404.');
  });
});
