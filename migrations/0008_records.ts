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
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table sweeps, billing_records, statistics, request_log');
}
