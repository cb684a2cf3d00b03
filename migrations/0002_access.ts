// Sessions, API keys, remembered answers of idempotent requests, and our own rate limits.
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table sessions (
      id_hash text primary key,
      creator_id uuid not null references creators on delete cascade,
      expires_at timestamptz not null,
      created_at timestamptz not null default now()
    );
    create index sessions_creator_id_idx on sessions (creator_id);
    create index sessions_expires_at_idx on sessions (expires_at);

    create table api_keys (
      id uuid primary key default gen_random_uuid(),
      creator_id uuid not null references creators on delete cascade,
      name text not null,
      key_hash text not null unique,
      hint text not null,
      expires_at timestamptz not null,
      last_used_at timestamptz,
      created_at timestamptz not null default now(),
      unique (creator_id, name)
    );

    create table idempotency_keys (
      creator_id uuid not null references creators on delete cascade,
      key_hash text not null,
      request_hash text not null,
      locked_until timestamptz not null,
      status integer,
      location text,
      body text,
      created_at timestamptz not null default now(),
      primary key (creator_id, key_hash)
    );
    create index idempotency_keys_created_at_idx on idempotency_keys (created_at);

    create table rate_limits (
      key text primary key,
      points integer not null default 0,
      expire bigint
    );
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table rate_limits, idempotency_keys, api_keys, sessions');
}
