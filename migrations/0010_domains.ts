// Domains that creators prove to own, so that posts can be made from URLs on them.
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table domains (
      id uuid primary key default gen_random_uuid(),
      creator_id uuid not null references creators on delete cascade,
      host text not null,
      token text not null,
      -- Since when it is verified; null while it is not.
      verified_at timestamptz,
      -- When the file was last looked for, and when it was last found.
      checked_at timestamptz,
      found_at timestamptz,
      -- What the last look found wrong: code and sentence.
      fault jsonb,
      created_at timestamptz not null default now(),
      unique (creator_id, host)
    );
    -- For the weekly look.
    create index domains_checked_at_idx on domains (checked_at) where verified_at is not null;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table domains');
}
