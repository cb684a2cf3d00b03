// Addresses from which TikTok pulls the photos of an attempt, and what is known of an init without an answer.
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- They live as long as the one attempt of a job that is open; the row is the permission.
    create table photo_links (
      token_hash text primary key,
      job_id uuid not null references jobs on delete cascade,
      position integer not null,
      storage_key text not null,
      content_type text not null,
      bytes bigint not null,
      created_at timestamptz not null default now(),
      fetched_at timestamptz,
      expires_at timestamptz not null
    );
    create index photo_links_job_id_idx on photo_links (job_id);

    alter table publish_attempts
      -- An id that TikTok told by itself, of a post whose init we have no answer of.
      add column told_publish_id text,
      add column unanswered_at timestamptz;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table photo_links;
    alter table publish_attempts drop column told_publish_id, drop column unanswered_at;
  `);
}
