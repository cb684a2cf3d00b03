// Issues, lists, removes and recognises API keys, of which only a hash is stored.
import type { Knex } from 'knex';
import { addToNow, databaseNow, measureSince } from '../base/database-time.ts';
import { invalid, Problem } from '../base/errors.ts';
import { randomToken, sha256 } from '../base/secrets.ts';
import { DAY_MS } from '../base/time.ts';
import type { Context } from '../context/context.ts';
import { getPlanLimits, suspended } from '../creators/rules.ts';
import { type Creator, getCreator, touchLastSeen } from '../creators/store.ts';

const MAX_KEYS = 5;
const PREFIX = 'pm3k_creator_';
const CHECK_LENGTH = 6;
const RANDOM_BITS = 40 * Math.log2(62);
const COLUMNS = [
  ...['id', 'creator_id', 'name', 'hint', 'expires_at', 'last_used_at', 'created_at'],
] as const;
const NAME = /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,39}$/u;

/** A row of `api_keys`, without the hash. */
export interface ApiKey {
  id: string;
  creator_id: string;
  name: string;
  /** The last four characters, to tell keys apart. */
  hint: string;
  expires_at: Date;
  last_used_at: Date | null;
  created_at: Date;
}

/**
 * Returns a key: `pm3k_creator_<40 random><6 checksum>`. Secret scanners recognise the prefix, and
 * the checksum tells a typing error from a foreign key.
 */
export function newKey(): string {
  const body = PREFIX + randomToken(RANDOM_BITS);
  return body + checksum(body);
}

/** Returns true if the key has our form and its checksum matches. */
export function isWellFormed(key: string): boolean {
  if (!/^pm3k_[a-z]+_[A-Za-z0-9]{40,}$/.test(key)) return false;
  return checksum(key.slice(0, -CHECK_LENGTH)) === key.slice(-CHECK_LENGTH);
}

function checksum(body: string): string {
  return sha256(`pm3k key ${body}`).slice(0, CHECK_LENGTH);
}

/**
 * Issues a key and returns it, the only time that it can be read. A key of the same name stops
 * working at once.
 * @throws Problem `invalid_request` for a wrong name, `state_conflict` if there are five others.
 */
export async function issueKey(
  ctx: Context,
  creator: Creator,
  name: string,
): Promise<{ key: string; row: ApiKey }> {
  if (!NAME.test(name)) {
    throw invalid('/name', 'Expected a name of 1 to 40 letters, digits, spaces, dots or dashes.');
  }
  const key = newKey();
  const expiresAt = chooseExpiry(ctx, creator);
  const row = await ctx.db.transaction(async (trx) => {
    await trx('creators').where({ id: creator.id }).forUpdate().first('id');
    await assertFewOthers(trx, creator.id, name);
    const values = { key_hash: sha256(key), hint: key.slice(-4), expires_at: expiresAt };
    const [saved] = await trx('api_keys')
      .insert({ creator_id: creator.id, name, ...values })
      .onConflict(['creator_id', 'name'])
      .merge({ ...values, last_used_at: null, created_at: trx.fn.now() })
      .returning(COLUMNS);
    return saved as ApiKey;
  });
  return { key, row };
}

async function assertFewOthers(trx: Knex, creatorId: string, name: string): Promise<void> {
  const others = await trx('api_keys')
    .where({ creator_id: creatorId })
    .whereNot({ name })
    .count('* as count')
    .first();
  if (Number(others?.['count']) < MAX_KEYS) return;
  throw new Problem(
    'state_conflict',
    `There are already ${MAX_KEYS} keys. Issue again under one of their names to replace it, or remove one.`,
  );
}

/** Returns when a new key ends: after the plan's days, or with the plan if that is earlier. */
function chooseExpiry(ctx: Context, creator: Creator): Date {
  const lifetime = addToNow(getPlanLimits(ctx.config, creator).keyDays * DAY_MS);
  const { plan_ends_at } = creator;
  return plan_ends_at && plan_ends_at < lifetime ? plan_ends_at : lifetime;
}

/** Returns the creator's keys, oldest first. */
export async function listKeys(ctx: Context, creatorId: string): Promise<ApiKey[]> {
  return ctx.db('api_keys').where({ creator_id: creatorId }).orderBy('created_at').select(COLUMNS);
}

/** Removes the key of this name, if there is one; it stops working at once. */
export async function removeKey(ctx: Context, creatorId: string, name: string): Promise<void> {
  await ctx.db('api_keys').where({ creator_id: creatorId, name }).delete();
}

/**
 * Returns the creator and the key of an `Authorization: Bearer` header. The key is looked up by its
 * hash, so no timing reveals a part of it.
 * @throws Problem `unauthorized` or `key_expired`; also `plan_expired` or `forbidden`, unless the
 * route is always open.
 */
export async function authenticate(
  ctx: Context,
  header: string,
  isAlwaysOpen = false,
): Promise<{ creator: Creator; key: ApiKey }> {
  const row = await findKey(ctx, header);
  const creator = await getCreator(ctx.db, row.creator_id);
  assertUsable(creator, row, isAlwaysOpen);
  await touchKey(ctx, row);
  await touchLastSeen(ctx.db, creator);
  return { creator, key: row };
}

const WWW = { headers: { 'WWW-Authenticate': 'Bearer' } };

async function findKey(ctx: Context, header: string): Promise<ApiKey> {
  const refuse = (detail: string) => new Problem('unauthorized', detail, WWW);
  const text = /^Bearer +(\S+) *$/i.exec(header)?.[1];
  if (!text) throw refuse('Expected the header `Authorization: Bearer pm3k_…` with an API key.');
  if (!isWellFormed(text)) {
    throw refuse(
      'The checksum of this key does not match, so it was not issued by PM3K. Look for a typing error.',
    );
  }
  const row = await ctx
    .db('api_keys')
    .where({ key_hash: sha256(text) })
    .first();
  if (!row) throw refuse('This key was replaced, removed, or issued by another instance.');
  return row;
}

/** Throws if the plan, the key's own time or a suspension rules the key out. */
function assertUsable(creator: Creator, row: ApiKey, isAlwaysOpen: boolean): void {
  const planEnded = creator.plan_ends_at !== null && creator.plan_ends_at <= databaseNow();
  if (planEnded && !isAlwaysOpen) {
    throw new Problem(
      'plan_expired',
      `The ${creator.plan} plan ended on ${creator.plan_ends_at?.toISOString()}, and its keys with it.`,
    );
  }
  // A key whose time is that of the plan ends with it, but must still export and delete.
  const endsWithPlan = row.expires_at.getTime() === creator.plan_ends_at?.getTime();
  if (row.expires_at <= databaseNow() && !(isAlwaysOpen && endsWithPlan)) {
    throw new Problem(
      'key_expired',
      `This key expired on ${row.expires_at.toISOString()}. Issue a new one on the dashboard.`,
      WWW,
    );
  }
  if (creator.suspended_at && !isAlwaysOpen) throw suspended();
}

/** Updates `last_used_at` at most once a minute, so that a busy key does not make a busy row. */
async function touchKey(ctx: Context, row: ApiKey): Promise<void> {
  if (row.last_used_at && measureSince(row.last_used_at) < 60_000) return;
  await ctx.db('api_keys').where({ id: row.id }).update({ last_used_at: ctx.db.fn.now() });
}

/**
 * Checks that the creator allowed keys to export and erase, since a leaked key must do neither.
 * @throws Problem `forbidden`.
 */
export function assertKeysMay(creator: Creator): void {
  if (creator.keys_may_export_and_erase) return;
  throw new Problem(
    'forbidden',
    'API keys of this account may not export or delete everything. You can allow it on the dashboard, under Settings.',
  );
}

/** Removes every session and key of a creator. Returns table → number of removed rows. */
export async function removeAccess(
  trx: Knex,
  creatorId: string,
): Promise<{ sessions: number; api_keys: number }> {
  const sessions = await trx('sessions').where({ creator_id: creatorId }).delete();
  const apiKeys = await trx('api_keys').where({ creator_id: creatorId }).delete();
  return { sessions, api_keys: apiKeys };
}
