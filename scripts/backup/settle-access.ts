// What becomes of restored access: nobody gets back what they had lost since the backup was made.
import type pg from 'pg';
import { quoted } from '../../src/base/database.ts';

/** Of the backup, and ended: keys that were removed or replaced since, and operators that were removed. */
export interface EndedAccess {
  keysEnded: number;
  operatorsEnded: number;
}

/** Whether there is a database that knows who has access now. */
export async function knowsAccess(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query(`select to_regclass('public.creators') is not null as is_so`);
  if (!rows[0].is_so) return false;
  const { rows: known } = await client.query(
    'select exists (select from public.creators) as is_so',
  );
  return known[0].is_so;
}

/** Access as the database has it that is being replaced; what it does not have ends. */
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

// A password that was changed may have been known to others.
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

/** Operators become those of now, whose passwords count. One that was added again has another id. */
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
