// Stored files: uploads, and working copies that belong to one job.
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table media (
      storage_key text primary key,
      creator_id uuid not null references creators on delete cascade,
      purpose text not null check (purpose in ('upload', 'working')),
      file_name text,
      content_type text not null,
      bytes bigint not null check (bytes > 0),
      sha256 text not null,
      facts jsonb not null,
      expires_at timestamptz not null,
      created_at timestamptz not null default now()
    );
    create index media_creator_id_created_at_idx on media (creator_id, created_at desc);
    create index media_expires_at_idx on media (expires_at);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table media');
}
