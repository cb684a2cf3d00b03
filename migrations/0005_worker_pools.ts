// The heartbeat: which worker pools are alive, so that a dead one's runs are freed.
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table worker_pools (
      pool_id text primary key,
      lane text not null,
      started_at timestamptz not null default now(),
      beat_at timestamptz not null default now(),
      declared_dead boolean not null default false
    );
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table worker_pools');
}
