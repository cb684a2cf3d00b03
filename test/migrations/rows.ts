// Rows of the main tables, as far as a version has those tables, and all rows of a database.
import type { Database } from '../../src/base/database.ts';

export const URL_OF_MEDIA = 'https://example.com/v.mp4';
const UPLOAD = 'anUploadOfSomebody1234567890';
const LATER = new Date('2030-01-02T03:04:05Z');
const EARLIER = new Date('2025-01-02T03:04:05Z');

type Row = Record<string, unknown>;

/** A creator, a grant, an upload, a scheduled and an ended post, posts by URL, and a deletion. */
export async function plantRows(db: Database): Promise<void> {
  const creatorId = await insert(db, 'creators', { open_id: 'open-1', plan: 'free' });
  await db('grants').insert({
    ...{ creator_id: creatorId, scopes: ['video.publish'] },
    ...{ access_token: 'a', refresh_token: 'r' },
    ...{ access_expires_at: LATER, refresh_expires_at: LATER },
  });
  await db('media').insert({
    ...{ storage_key: UPLOAD, creator_id: creatorId, purpose: 'upload', content_type: 'video/mp4' },
    ...{ bytes: 1, sha256: 'hash', facts: '{}', expires_at: LATER },
  });
  const job = {
    ...{ creator_id: creatorId, mode: 'schedule', schedule_at: LATER, send_at: LATER },
    ...{ destination: 'direct', settings: '{}', title: 'planned', state: 'ready' },
  };
  await plantJob(db, { ...job, source_key: UPLOAD });
  await plantJob(db, {
    ...{ ...job, source_key: UPLOAD, title: 'ended', state: 'finished', post_ids: ['7'] },
    ...{ send_at: EARLIER, finished_at: EARLIER },
  });
  if (await db.schema.hasTable('job_photos')) await plantPostsByUrl(db, job);
  if (!(await db.schema.hasTable('deletions'))) return;
  await db('deletions').insert({
    ...{ receipt_token: 't', method: 'api', creator_id: creatorId, sealed_identifiers: 's' },
  });
  await db('deletion_requests').insert({ received_at: EARLIER, username: 'somebody' });
}

async function plantJob(db: Database, job: Row): Promise<string> {
  const id = await insert(db, 'jobs', job);
  await db('job_events').insert({ job_id: id, name: 'accepted', details: '{}' });
  await db('consents').insert({
    ...{ job_id: id, given_through: 'api', declaration: 'd', title: 't', settings: '{}' },
  });
  await db('publish_attempts').insert({ job_id: id, number: 1, bytes: 1, committed_at: EARLIER });
  return id;
}

async function plantPostsByUrl(db: Database, job: Row): Promise<void> {
  const byUrl = (await db.schema.hasColumn('jobs', 'source_url'))
    ? { source_url: URL_OF_MEDIA }
    : { source: 'url', source_request: JSON.stringify({ url: URL_OF_MEDIA }) };
  await plantJob(db, { ...job, title: 'by url', ...byUrl });
  const photos = await plantJob(db, { ...job, title: 'photos', kind: 'photo' });
  await db('job_photos').insert([
    { job_id: photos, position: 0, source_key: UPLOAD },
    { job_id: photos, position: 1, ...byUrl },
  ]);
}

async function insert(db: Database, table: string, row: Row): Promise<string> {
  const [{ id }] = await db(table).insert(row).returning('id');
  return id;
}

/** Table → its rows, those of the migrations' own tables left out. */
export async function readRows(db: Database): Promise<Record<string, Row[]>> {
  const { rows: tables } = await db.raw(`
    select table_name as name from information_schema.tables
     where table_schema = 'public' and table_name not like '%\\_migrations%' order by 1`);
  const found: Record<string, Row[]> = {};
  for (const { name } of tables) {
    const { rows } = await db.raw('select to_jsonb(t) as row from ?? t order by t::text', [name]);
    found[name] = rows.map(({ row }: { row: Row }) => row);
  }
  return found;
}
