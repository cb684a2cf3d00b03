// What a job waits for and until when, what lost its permission, and deaths of the process beside it.
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table jobs
      add column waiting_code text,
      -- The end of its patience. It moves only when the creator decides anew.
      add column gives_up_at timestamptz,
      -- Set: nothing of it is sent before its creator agrees again.
      add column permission_lost_at timestamptz,
      -- How often the process ended while it worked on the current step.
      add column deaths integer not null default 0;
    create index jobs_permission_lost_idx on jobs (creator_id, send_at)
      where permission_lost_at is not null;
    update jobs set gives_up_at = waiting_since + interval '25 hours'
      where waiting_since is not null;

    -- TikTok's own time of the grant, so that its messages are compared with its own clock.
    alter table grants add column granted_at_tiktok timestamptz;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table grants drop column granted_at_tiktok;
    drop index jobs_permission_lost_idx;
    alter table jobs drop column waiting_code, drop column gives_up_at,
      drop column permission_lost_at, drop column deaths;
  `);
}
