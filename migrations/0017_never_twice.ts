// What is known of attempts that TikTok may have posted, and how far the database had come.
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table publish_attempts
      -- When TikTok no longer knew the upload address, after the mark: a complete upload answers so.
      add column answered_404_at timestamptz,
      -- When it became certain that nothing came of it.
      add column ruled_out_at timestamptz;

    -- One row, raised by each mark; the storage has the same number.
    create table database_position (
      is_only boolean primary key default true check (is_only),
      number bigint not null,
      at timestamptz not null default now()
    );
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table database_position;
    alter table publish_attempts drop column answered_404_at, drop column ruled_out_at;
  `);
}
