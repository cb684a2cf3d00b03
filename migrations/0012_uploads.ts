// Unfinished uploads and their parts, and the storage in which this database's files are.
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table uploads (
      id uuid primary key,
      creator_id uuid not null references creators on delete cascade,
      -- Under which the whole file is stored at the end.
      storage_key text not null unique,
      metadata jsonb not null default '{}',
      -- Null while the client has not said.
      length bigint check (length >= 0),
      received bigint not null default 0 check (received >= 0 and (length is null or received <= length)),
      -- The request that may write now; parts of any other are refused.
      writer uuid not null,
      finished_at timestamptz,
      expires_at timestamptz not null,
      created_at timestamptz not null default now()
    );
    create index uploads_creator_id_idx on uploads (creator_id);
    create index uploads_expires_at_idx on uploads (expires_at);

    create table upload_parts (
      storage_key text primary key,
      upload_id uuid not null references uploads on delete cascade,
      starts_at bigint not null check (starts_at >= 0),
      bytes bigint not null check (bytes > 0),
      unique (upload_id, starts_at)
    );

    -- One row: a note of this name lies in the storage to which the files of this database belong.
    create table storage_in_use (
      is_only boolean primary key default true check (is_only),
      id uuid not null,
      since timestamptz not null default now()
    );
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table storage_in_use, upload_parts, uploads');
}
