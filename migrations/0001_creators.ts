// Creators, what TikTok granted them, and who is signed in.
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table creators (
      id uuid primary key default gen_random_uuid(),
      open_id text not null unique,
      username text,
      nickname text,
      avatar_url text,
      plan text not null check (plan in ('free', 'trial', 'paid')),
      plan_ends_at timestamptz,
      suspended_at timestamptz,
      disconnected_at timestamptz,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now()
    );

    create table grants (
      creator_id uuid primary key references creators on delete cascade,
      scopes text[] not null,
      access_token text not null,
      refresh_token text not null,
      access_expires_at timestamptz not null,
      refresh_expires_at timestamptz not null,
      version integer not null default 1,
      lease_id uuid,
      leased_until timestamptz,
      refreshed_at timestamptz not null default now()
    );

    create table invitations (
      id uuid primary key default gen_random_uuid(),
      token_hash text not null unique,
      expires_at timestamptz not null,
      creator_id uuid references creators on delete cascade,
      used_at timestamptz,
      created_at timestamptz not null default now()
    );
    create index invitations_creator_id_idx on invitations (creator_id);

    create table oauth_states (
      state_hash text primary key,
      browser_hash text not null,
      code_verifier text,
      invitation_id uuid references invitations on delete cascade,
      expires_at timestamptz not null
    );
    create index oauth_states_expires_at_idx on oauth_states (expires_at);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table oauth_states, invitations, grants, creators');
}
