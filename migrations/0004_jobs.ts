// Jobs, their timeline, the consent each rests on, and the ledger of attempts to publish.
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table jobs (
      id uuid primary key default gen_random_uuid(),
      creator_id uuid not null references creators on delete cascade,
      mode text not null check (mode in ('now', 'schedule')),
      schedule_at timestamptz,
      send_at timestamptz not null,
      state text not null check (state in (
        'accepted', 'fetched', 'ready', 'sending', 'sent',
        'finished', 'failed', 'cancelled', 'unconfirmed'
      )),
      title text not null,
      destination text not null check (destination in ('direct', 'inbox')),
      settings jsonb not null,
      source_key text not null,
      output_key text,
      output_type text,
      media jsonb,
      progress real,
      run_token uuid,
      faults integer not null default 0,
      waiting_since timestamptz,
      publish_id text,
      post_ids text[] not null default '{}',
      error jsonb,
      -- Milliseconds, as JavaScript's dates: a list's cursor names this time exactly.
      created_at timestamptz not null default date_trunc('milliseconds', now()),
      updated_at timestamptz not null default now(),
      finished_at timestamptz
    );
    create index jobs_creator_id_created_at_idx on jobs (creator_id, created_at desc, id desc);
    create index jobs_working_idx on jobs (updated_at)
      where state in ('accepted', 'fetched', 'ready', 'sending', 'sent');
    create index jobs_source_key_idx on jobs (source_key);
    create index jobs_output_key_idx on jobs (output_key);

    create table job_events (
      id bigint generated always as identity primary key,
      job_id uuid not null references jobs on delete cascade,
      name text not null,
      details jsonb not null default '{}',
      at timestamptz not null default clock_timestamp()
    );
    create index job_events_job_id_idx on job_events (job_id, id);

    create table consents (
      id uuid primary key default gen_random_uuid(),
      job_id uuid not null references jobs on delete cascade,
      given_through text not null check (given_through in ('dashboard', 'api')),
      declaration text not null,
      title text not null,
      settings jsonb not null,
      given_at timestamptz not null default now(),
      voided_at timestamptz
    );
    create index consents_job_id_idx on consents (job_id);

    create table publish_attempts (
      id uuid primary key default gen_random_uuid(),
      job_id uuid not null references jobs on delete cascade,
      number integer not null,
      bytes bigint not null,
      publish_id text unique,
      upload_url text,
      chunk_bytes bigint,
      chunk_count integer,
      bytes_acknowledged bigint not null default 0,
      intended_at timestamptz not null default now(),
      opened_at timestamptz,
      committed_at timestamptz,
      sent_at timestamptz,
      closed_at timestamptz,
      outcome text,
      unique (job_id, number)
    );
    -- The rule "one attempt at a time" is the database's, not only the code's.
    create unique index publish_attempts_one_open_idx on publish_attempts (job_id)
      where closed_at is null;

    create table tiktok_calls (
      id bigint generated always as identity primary key,
      creator_id uuid not null references creators on delete cascade,
      call text not null,
      at timestamptz not null default clock_timestamp()
    );
    create index tiktok_calls_creator_id_call_at_idx on tiktok_calls (creator_id, call, at);
    create index tiktok_calls_at_idx on tiktok_calls (at);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table tiktok_calls, publish_attempts, consents, job_events, jobs');
}
