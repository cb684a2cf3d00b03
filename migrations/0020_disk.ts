// Deletion on the disk: whose working folders and loose files are, and which tables are rewritten.
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Not a uuid: the name of the folder decides.
    create table scratch_folders (
      id text primary key,
      disk uuid not null,
      started_at timestamptz not null default now(),
      beat_at timestamptz not null default now(),
      -- Set once the process is taken for dead: whoever has this disk removes the folder.
      dead_at timestamptz
    );

    -- Files that are being stored and have no row of their own yet.
    create table loose_files (
      storage_key text primary key,
      creator_id uuid not null references creators on delete cascade,
      created_at timestamptz not null default now()
    );
    create index loose_files_creator_id_idx on loose_files (creator_id);
    create index loose_files_created_at_idx on loose_files (created_at);

    alter table deletions add column searched_at timestamptz;
    -- The disks whose working folders hold nothing of the creator any more.
    alter table deletions add column cleared_disks uuid[] not null default '{}';
    alter table deletions add column rewrite_tables text[] not null default '{}';
    alter table deletions add column rewrite_at timestamptz;
    create index deletions_rewrite_at_idx on deletions (rewrite_at) where rewrite_at is not null;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table deletions drop column searched_at, drop column cleared_disks,
      drop column rewrite_tables, drop column rewrite_at;
    drop table scratch_folders, loose_files;
  `);
}
