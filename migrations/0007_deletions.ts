// Leaving: deletions with their receipts, and the requests that came by email.
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Null once the creator is leaving: the same person may connect again, as a new account.
    alter table creators alter column open_id drop not null;
    alter table creators add column leaving_at timestamptz;
    alter table creators add column removal_reason integer;
    alter table creators add column keys_may_export_and_erase boolean not null default false;
    alter table creators add column time_zone text;
    alter table creators add column last_seen_at timestamptz not null default now();
    -- When TikTok last confirmed that the name is this creator's.
    alter table creators add column name_confirmed_at timestamptz;
    create index creators_username_idx on creators (lower(username));
    create index creators_disconnected_at_idx on creators (disconnected_at)
      where disconnected_at is not null;

    alter table grants add column granted_at timestamptz not null default now();

    create table deletions (
      id uuid primary key default gen_random_uuid(),
      receipt_token text not null unique,
      method text not null check (method in (
        'self_service', 'api', 'request', 'tiktok', 'disconnected', 'inactive', 'restore'
      )),
      creator_id uuid references creators on delete set null,
      -- Who it was, sealed, until the search for traces is over.
      sealed_identifiers text,
      requested_at timestamptz not null default now(),
      quiet_at timestamptz,
      recorded_at timestamptz,
      erased_at timestamptz,
      done_at timestamptz,
      receipt jsonb not null default '{}',
      traces integer,
      faults integer not null default 0,
      revocation text not null default 'waiting' check (revocation in (
        'waiting', 'pending', 'revoked', 'not_needed', 'superseded', 'given_up'
      )),
      sealed_grant text,
      open_id_hash text,
      revoke_lease uuid,
      revoke_leased_until timestamptz,
      revoke_at timestamptz,
      revoke_tries integer not null default 0,
      revoked_at timestamptz
    );
    create unique index deletions_creator_id_idx on deletions (creator_id);
    create index deletions_open_id_hash_idx on deletions (open_id_hash)
      where open_id_hash is not null;
    create index deletions_unfinished_idx on deletions (requested_at) where done_at is null;
    create index deletions_done_at_idx on deletions (done_at);

    create table deletion_requests (
      id uuid primary key default gen_random_uuid(),
      number bigint generated always as identity unique,
      state text not null default 'received' check (state in (
        'received', 'identity_asked', 'verified', 'deleting', 'done', 'refused'
      )),
      received_at timestamptz not null,
      -- The person's words; gone with the data.
      username text,
      profile_url text,
      usage text,
      details text,
      creator_id uuid references creators on delete set null,
      method text check (method in ('sign_in', 'bio', 'other')),
      proof_description text,
      bio_code text,
      proof_token_hash text unique,
      -- Sealed, so that the desk can show the link again; empty once it was used.
      proof_token text,
      proof_expires_at timestamptz,
      -- The browser that signed in with TikTok: there alone the second button works.
      proof_browser_hash text,
      -- What the one-time link found: nothing else is kept of it.
      proof_match boolean,
      verified_at timestamptz,
      -- A name alone was proved: not before this time, unless a second operator confirms.
      execute_after timestamptz,
      needs_second_operator boolean not null default false,
      verified_by uuid references operators on delete set null,
      refusal_reason text,
      deletion_id uuid references deletions on delete set null,
      closed_at timestamptz,
      -- Two operators at once: whoever saves an older version is told so.
      version integer not null default 1,
      created_at timestamptz not null default now()
    );
    create index deletion_requests_creator_id_idx on deletion_requests (creator_id);
    create index deletion_requests_state_idx on deletion_requests (state, received_at);
    create index deletion_requests_deletion_id_idx on deletion_requests (deletion_id);
    create index deletion_requests_verified_by_idx on deletion_requests (verified_by);

    create table deletion_request_events (
      id bigint generated always as identity primary key,
      request_id uuid not null references deletion_requests on delete cascade,
      at timestamptz not null default clock_timestamp(),
      operator_id uuid references operators on delete set null,
      operator_email text,
      name text not null,
      note text
    );
    create index deletion_request_events_request_id_idx on deletion_request_events (request_id, id);
    create index deletion_request_events_operator_id_idx on deletion_request_events (operator_id);

    -- A sign-in that only compares: it began with this one-time link, and makes no session.
    alter table oauth_states add column request_id uuid
      references deletion_requests on delete cascade;
    alter table oauth_states add column proof_token_hash text;
    create index oauth_states_request_id_idx on oauth_states (request_id);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table oauth_states drop column request_id, drop column proof_token_hash;
    drop table deletion_request_events, deletion_requests, deletions;
    alter table grants drop column granted_at;
    alter table creators drop column leaving_at, drop column removal_reason,
      drop column keys_may_export_and_erase, drop column time_zone, drop column last_seen_at,
      drop column name_confirmed_at;
    alter table creators alter column open_id set not null;
  `);
}
