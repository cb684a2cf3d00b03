// When a worker pool last looked for work, or could not because it was busy.
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(
    'alter table worker_pools add column looked_at timestamptz not null default now()',
  );
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('alter table worker_pools drop column looked_at');
}
