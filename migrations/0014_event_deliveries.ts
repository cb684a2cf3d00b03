// Who subscribes to events, and what each of them is still owed.
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table event_subscribers (
      name text primary key,
      -- 'job.finished', or 'job.*' for all of a kind.
      events text[] not null,
      -- When a process that has it was last there.
      seen_at timestamptz not null default now()
    );

    -- One row for each subscriber and event, until it was delivered.
    create table event_deliveries (
      id bigint generated always as identity primary key,
      subscriber text not null,
      job_id uuid references jobs on delete cascade,
      creator_id uuid references creators on delete cascade,
      deletion_id uuid references deletions on delete cascade,
      name text not null,
      details jsonb not null default '{}',
      at timestamptz not null,
      -- The run that delivers it.
      run_id bigint,
      tries integer not null default 0,
      due_at timestamptz not null default now(),
      fault text,
      given_up_at timestamptz,
      check (num_nonnulls(job_id, creator_id, deletion_id) = 1)
    );
    create index event_deliveries_job_id_idx on event_deliveries (job_id, id)
      where job_id is not null;
    create index event_deliveries_creator_id_idx on event_deliveries (creator_id, id)
      where creator_id is not null;
    create index event_deliveries_deletion_id_idx on event_deliveries (deletion_id, id)
      where deletion_id is not null;
    create index event_deliveries_given_up_at_idx on event_deliveries (given_up_at)
      where given_up_at is not null;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table event_deliveries, event_subscribers');
}
