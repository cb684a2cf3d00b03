// Reads which database this is, and how far its log has come.
import type { Knex } from 'knex';

/** What is null cannot be read with the rights of this role. */
export interface Server {
  /** The cluster's own identifier, and the number of the database in it. */
  identity: string | null;
  /** Rises by one when a replica is promoted. */
  timeline: number | null;
  /** The log position that is on disk, e.g. `0/16B3748`. */
  position: string | null;
}

// https://www.postgresql.org/docs/17/functions-info.html#FUNCTIONS-INFO-CONTROLDATA
const IDENTITY = `
  select system_identifier || '/' || (select oid from pg_database where datname = current_database())
    as value from pg_control_system()`;
// The first eight digits of a log file's name are the timeline.
const TIMELINE = `select ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int as value`;
// What is written and not flushed may be gone after a power cut, without anything committed with it.
const POSITION = 'select pg_current_wal_flush_lsn()::text as value';

export async function readServer(db: Knex): Promise<Server> {
  return {
    identity: await readIfAllowed<string>(db, IDENTITY),
    timeline: await readIfAllowed<number>(db, TIMELINE),
    position: await readIfAllowed<string>(db, POSITION),
  };
}

// Insufficient rights, a function that a managed database lacks, a feature that it does not support.
const NOT_ALLOWED = ['42501', '42883', '0A000'];

async function readIfAllowed<T>(db: Knex, sql: string): Promise<T | null> {
  try {
    const { rows } = await db.raw(sql);
    return rows[0].value;
  } catch (error) {
    if (NOT_ALLOWED.includes(String((error as { code?: string }).code))) return null;
    throw error;
  }
}

/** Returns a log position as a number that can be compared. */
export function parsePosition(position: string): bigint {
  const [high = '0', low = '0'] = position.split('/');
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}
