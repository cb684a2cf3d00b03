// Brings databases forward that were made by older texts of 0004, 0006, 0007 and 0008.
import type { Knex } from 'knex';

const COLUMNS = [
  ['jobs', 'waiting_since', 'timestamptz'],
  ['operators', 'password_is_initial', 'boolean not null default false'],
  ['deletion_requests', 'proof_token', 'text'],
  ['deletion_requests', 'proof_browser_hash', 'text'],
  ['oauth_states', 'request_id', 'uuid references deletion_requests on delete cascade'],
  ['oauth_states', 'proof_token_hash', 'text'],
] as const;

const INDEXES = {
  oauth_states_request_id_idx: 'oauth_states (request_id)',
  jobs_finished_at_idx: 'jobs (finished_at) where finished_at is not null',
  jobs_unconfirmed_idx: `jobs (id) where state = 'unconfirmed'`,
  media_working_idx: `media (storage_key) where purpose = 'working'`,
  media_expires_at_storage_key_idx: 'media (expires_at, storage_key)',
};

/**
 * Looks before it changes anything: where nothing is missing, no table is locked, and processes
 * that run meanwhile are not held up.
 */
export async function up(knex: Knex): Promise<void> {
  for (const [table, column, definition] of COLUMNS) {
    if (await knex.schema.hasColumn(table, column)) continue;
    await knex.raw(`alter table ${table} add column ${column} ${definition}`);
  }
  for (const [name, definition] of Object.entries(INDEXES)) {
    const { rows } = await knex.raw('select to_regclass(?) is not null as is_there', [name]);
    if (!rows[0].is_there) await knex.raw(`create index ${name} on ${definition}`);
  }
  await knex.raw('drop index if exists media_expires_at_idx');
}

/** What it repaired belongs to the earlier migrations, whose own `down` removes it. */
export async function down(): Promise<void> {}
