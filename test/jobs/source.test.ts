import { expect } from 'chai';
import { z } from 'zod';
import * as sources from '../../migrations/0015_job_sources.ts';
import * as forOlder from '../../migrations/0021_source_url_for_older_processes.ts';
import { json } from '../../src/base/database.ts';
import type { Manifest } from '../../src/context/context.ts';
import type { Job } from '../../src/jobs/job.ts';
import { statusWords } from '../../src/jobs/labels.ts';
import { createSourceSchema } from '../../src/jobs/source.ts';
import { loadModules } from '../../src/modules.ts';
import { openApi } from '../../src/web/docs.ts';
import type { Json } from '../support/appliance.ts';
import { anOwnContext } from '../support/context.ts';
import { insertJob } from '../support/job-row.ts';

const shelf: Manifest = {
  name: 'shelf',
  personalData: { nothing: 'It stores nothing.' },
  sources: {
    shelf: {
      schema: z.strictObject({ place: z.int().min(1) }).describe('A file on the shelf.'),
      describe: ({ place }) => `Place ${place}`,
    },
  },
};

describe('the sources of a post', () => {
  it('are told apart by name, and judged by the fields of theirs', async () => {
    const schema = createSourceSchema([...(await loadModules()), shelf]);
    for (const file of [
      { source: 'pm3k_storage', storage_key: 'k' },
      { source: 'url', url: 'https://a.com/v.mp4' },
      { source: 'shelf', place: 3 },
    ])
      expect(schema.parse(file)).to.deep.equal(file);
    for (const file of [
      { source: 'shelf', place: 0 },
      { source: 'shelf', url: 'https://a.com/v.mp4' },
      { source: 'nowhere', place: 1 },
    ])
      expect(schema.safeParse(file).success, JSON.stringify(file)).to.equal(false);
  });

  it('stand in the API’s description, the built-in ones first', async () => {
    const namesIn = (modules: Manifest[]) => {
      const { post } = (openApi(modules, 'http://localhost') as Json)['paths']['/v1/jobs'];
      const { video, photos } = post.requestBody.content['application/json'].schema.properties;
      expect(photos.items.oneOf).to.deep.equal(video.oneOf);
      return video.oneOf.map((each: Json) => [
        each['properties'].source.const,
        each['description'],
      ]);
    };
    const own = [
      ['pm3k_storage', undefined],
      ['url', undefined],
    ];
    const modules = await loadModules();
    expect(namesIn(modules)).to.deep.equal(own);
    expect(namesIn([...modules, shelf])).to.deep.equal([...own, ['shelf', 'A file on the shelf.']]);
  });

  it('are what the dashboard calls fetching, but for uploads', () => {
    const wordFor = (source: string) =>
      statusWords({ state: 'accepted', send_at: new Date(0), waiting_code: null, source } as Job)
        .word;
    expect(['pm3k_storage', 'url', 'shelf'].map(wordFor)).to.deep.equal([
      ...['Checking', 'Fetching', 'Fetching'],
    ]);
  });

  it('are known of posts that a process of an older version stores, and known to it', async () => {
    await using own = await anOwnContext();
    const { db } = own.ctx;
    const url = 'https://a.com/v.mp4';
    const insert = async (of: Json) => {
      const row = await insertJob(db, { state: 'finished', ...of });
      await db('job_photos').insert({ job_id: row.id, position: 0, ...of });
      const rows = [row, await db('job_photos').where({ job_id: row.id }).first()];
      return rows.map(({ source, source_request, source_url }) => [
        ...[source, source_request, source_url],
      ]);
    };
    const fetched = ['url', { url }, url];
    const byOlder = await insert({ source_url: url });
    expect(byOlder).to.deep.equal([fetched, fetched]);
    const byOurs = await insert({ source: 'url', source_request: json({ url }) });
    expect(byOurs).to.deep.equal([fetched, fetched]);
    const uploaded = ['pm3k_storage', null, null];
    expect(await insert({ source_key: 'k' })).to.deep.equal([uploaded, uploaded]);
    const shelved = ['shelf', { place: 3 }, null];
    const byShelf = await insert({ source: 'shelf', source_request: json({ place: 3 }) });
    expect(byShelf).to.deep.equal([shelved, shelved]);
  });

  it('are gone with the migration that brings them, and come back with it', async () => {
    await using own = await anOwnContext();
    const { db } = own.ctx;
    const request = json({ url: 'https://a.com/v.mp4' });
    await insertJob(db, { state: 'finished', source: 'url', source_request: request });
    await db.transaction(forOlder.down);
    await db.transaction(sources.down);
    expect(await db.schema.hasColumn('jobs', 'source')).to.equal(false);
    await db.transaction(sources.up);
    await db.transaction(forOlder.up);
    expect(await db('jobs').pluck('source_request')).to.deep.equal([
      { url: 'https://a.com/v.mp4' },
    ]);
  });
});
