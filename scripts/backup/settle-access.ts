// Ends restored access that was ended after the backup was made.
import type pg from 'pg';
import { quoted } from '../../src/base/database.ts';

/** How many keys and operators of the backup had lost access since, by removal or replacement. */
export interface EndedAccess {
  keysEnded: number;
  operatorsEnded: number;
}

/** Whether the database that is replaced holds creators, and so knows who has access now. */
export async function knowsAccess(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query(`select to_regclass('public.creators') is not null as is_so`);
  if (!rows[0].is_so) return false;
  const { rows: known } = await client.query(
    'select exists (select from public.creators) as is_so',
  );
  return known[0].is_so;
}

/**
 * Changes the restored keys and operators in `schema` to those of the database that is replaced.
 */
export async function settleAccess(client: pg.Client, schema: string): Promise<EndedAccess> {
  const keys = `${quoted(schema)}.api_keys`;
  const { rowCount: keysEnded } = await client.query(
    `delete from ${keys} as keys
      where not exists (select from public.api_keys known where known.key_hash = keys.key_hash)`,
  );
  await client.query(
    `update ${keys} as keys set expires_at = known.expires_at
       from public.api_keys known
      where known.key_hash = keys.key_hash and known.expires_at < keys.expires_at`,
  );
  return { keysEnded: keysEnded ?? 0, operatorsEnded: await settleOperators(client, schema) };
}

// Taken from the replaced database too: an old password may be known to others.
const CREDENTIALS = [
  'password_hash',
  'password_is_initial',
  'configured_hash',
  'totp_secret',
  'totp_confirmed_at',
  'totp_last_step',
  'failures',
  'locked_until',
  'updated_at',
];

/**
 * Replaces the restored operators and their passwords by the present ones. Returns how many lost
 * access; an operator that was removed and added again has another id and has not.
 */
async function settleOperators(client: pg.Client, schema: string): Promise<number> {
  const operators = `${quoted(schema)}.operators`;
  const { rows: ended } = await client.query(
    `delete from ${operators} as operators
      where not exists (select from public.operators known where known.id = operators.id)
      returning exists (select from public.operators known where known.email = operators.email) as is_back`,
  );
  await client.query(
    `update ${operators} as operators
        set ${CREDENTIALS.map((name) => `${name} = known.${name}`).join(', ')}
       from public.operators known where known.id = operators.id`,
  );
  await client.query(
    `insert into ${operators} select * from public.operators known
      where not exists (select from ${operators} as operators where operators.id = known.id)`,
  );
  return ended.filter(({ is_back }) => !is_back).length;
}
