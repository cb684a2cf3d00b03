// Keeps `source_url` in step with `source`, for processes of the version before, which know no other.
import type { Knex } from 'knex';

const TABLES = ['jobs', 'job_photos'];

/** Older processes read the column, and the trigger names the source of what they insert. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create or replace function fill_source() returns trigger language plpgsql as $$
      begin
        if new.source = 'url' then
          new.source_url := new.source_request ->> 'url';
        elsif new.source = 'pm3k_storage' and new.source_url is not null then
          new.source := 'url';
          new.source_request := jsonb_build_object('url', new.source_url);
        end if;
        return new;
      end $$;
  `);
  for (const table of TABLES) {
    await knex.raw(`
      alter table ${table} add column if not exists source_url text;
      drop trigger if exists fill_source on ${table};
      create trigger fill_source before insert on ${table}
        for each row execute function fill_source();
      update ${table} set source_url = source_request ->> 'url' where source = 'url';
    `);
  }
}

export async function down(knex: Knex): Promise<void> {
  for (const table of TABLES) {
    await knex.raw(
      `drop trigger fill_source on ${table}; alter table ${table} drop column source_url`,
    );
  }
  await knex.raw('drop function fill_source()');
}
