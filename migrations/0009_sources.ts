// Where a post's media come from: an upload, a URL, or up to 35 photos; and what tells the same media again.
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table jobs
      add column kind text not null default 'video' check (kind in ('video', 'photo')),
      -- A URL has no file of ours until it was fetched; photos have theirs in a table of their own.
      alter column source_key drop not null,
      add column source_url text,
      add column source_sha256 text,
      add column allow_duplicate boolean not null default false,
      add column description text,
      add column photo_cover_index integer;
    -- Limits and duplicates are judged by the planned times around a post's own.
    create index jobs_creator_id_send_at_idx on jobs (creator_id, send_at);

    create table job_photos (
      job_id uuid not null references jobs on delete cascade,
      position integer not null,
      source_key text,
      source_url text,
      output_key text,
      output_type text,
      facts jsonb,
      primary key (job_id, position)
    );
    create index job_photos_source_key_idx on job_photos (source_key);
    create index job_photos_output_key_idx on job_photos (output_key);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table job_photos;
    drop index jobs_creator_id_send_at_idx;
    delete from jobs where source_key is null;
    alter table jobs
      drop column kind, drop column source_url, drop column source_sha256,
      drop column allow_duplicate, drop column description, drop column photo_cover_index,
      alter column source_key set not null;
  `);
}
