// What a creator has chosen for posts made by key that name no settings of their own.
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table posting_defaults (
      creator_id uuid primary key references creators on delete cascade,
      destination text not null check (destination in ('direct', 'inbox')),
      settings jsonb not null,
      -- The words that were agreed to on saving, kept with each post made by them.
      declaration text not null,
      given_at timestamptz not null default now()
    );
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table posting_defaults');
}
