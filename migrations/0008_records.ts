// What outlives people: the request log, totals without identifiers, billing records, and what was swept.
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table request_log (
      id bigint generated always as identity primary key,
      at timestamptz not null default now(),
      ip inet,
      method text not null,
      route text not null,
      status integer not null,
      duration_ms integer not null,
      request_id text not null
    );
    create index request_log_at_idx on request_log (at);

    create table statistics (
      period text not null check (period in ('day', 'month')),
      starts_on date not null,
      posts integer not null,
      failed integer not null,
      bytes bigint not null,
      primary key (period, starts_on)
    );

    create table billing_records (
      id uuid primary key default gen_random_uuid(),
      -- Null once the account is gone: the law asks for the payment, not for the person here.
      creator_id uuid references creators on delete set null,
      paypal_subscription_id text not null unique,
      status text not null,
      paid_until timestamptz,
      grace_until timestamptz,
      access_until timestamptz,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now()
    );
    create index billing_records_creator_id_idx on billing_records (creator_id);

    create table sweeps (
      id bigint generated always as identity primary key,
      at timestamptz not null default clock_timestamp(),
      what text not null,
      removed bigint not null,
      bytes bigint not null default 0,
      ms integer not null
    );
    create index sweeps_at_idx on sweeps (at);

    -- For what ends: old posts, and working copies, which are few and looked at often.
    create index jobs_finished_at_idx on jobs (finished_at) where finished_at is not null;
    -- For the admin overview, which counts them.
    create index jobs_unconfirmed_idx on jobs (id) where state = 'unconfirmed';
    create index media_working_idx on media (storage_key) where purpose = 'working';
    -- In the order in which a sweep takes them, however many end at once.
    drop index media_expires_at_idx;
    create index media_expires_at_storage_key_idx on media (expires_at, storage_key);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop index jobs_finished_at_idx, jobs_unconfirmed_idx, media_working_idx,
      media_expires_at_storage_key_idx;
    create index media_expires_at_idx on media (expires_at);
    drop table sweeps, billing_records, statistics, request_log;
  `);
}
