// Where a post's media come from, by the name of the source, with what the request asked of it.
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  for (const table of ['jobs', 'job_photos']) {
    await knex.raw(`
      alter table ${table}
        add column source text not null default 'pm3k_storage',
        -- What a source that fetches was asked for; an upload has its file in source_key.
        add column source_request jsonb;
      update ${table}
        set source = 'url', source_request = jsonb_build_object('url', source_url)
        where source_url is not null;
      alter table ${table} drop column source_url;
    `);
  }
}

/** A post that came from another source than these two would look like an upload without its file. */
export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    delete from jobs where source not in ('pm3k_storage', 'url')
      or id in (select job_id from job_photos where source not in ('pm3k_storage', 'url'));
  `);
  for (const table of ['jobs', 'job_photos']) {
    await knex.raw(`
      alter table ${table} add column source_url text;
      update ${table} set source_url = source_request ->> 'url' where source = 'url';
      alter table ${table} drop column source, drop column source_request;
    `);
  }
}
