// Where a post's media come from, by the name of the source, with what the request asked of it.
import type { Knex } from 'knex';

const TABLES = ['jobs', 'job_photos'];

/**
 * `source_url` stays for processes of the version before, which know no other column: they read it,
 * and the trigger names the source of what they insert.
 */
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
      alter table ${table}
        add column if not exists source text not null default 'pm3k_storage',
        -- What a source that fetches was asked for; an upload has its file in source_key.
        add column if not exists source_request jsonb,
        add column if not exists source_url text;
      drop trigger if exists fill_source on ${table};
      create trigger fill_source before insert on ${table}
        for each row execute function fill_source();
      update ${table}
        set source = 'url', source_request = jsonb_build_object('url', source_url)
        where source_url is not null and source = 'pm3k_storage';
      update ${table} set source_url = source_request ->> 'url'
        where source_url is null and source = 'url';
    `);
  }
}

/** A post that came from another source than these two would look like an upload without its file. */
export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    delete from jobs where source not in ('pm3k_storage', 'url')
      or id in (select job_id from job_photos where source not in ('pm3k_storage', 'url'));
  `);
  for (const table of TABLES) {
    await knex.raw(`
      drop trigger fill_source on ${table};
      alter table ${table} drop column source, drop column source_request;
    `);
  }
  await knex.raw('drop function fill_source()');
}
