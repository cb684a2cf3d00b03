// API keys: their form, their checksum, and how they are issued and recognised. Only a hash is stored.

import type { Knex } from 'knex';
import { invalid, Problem } from '../base/errors.ts';
import { randomToken, sha256 } from '../base/secrets.ts';
import { DAY_MS } from '../base/time.ts';
import type { Context } from '../context/context.ts';
import {
  type Creator,
  getCreator,
  getPlanLimits,
  suspended,
  touchLastSeen,
} from '../creators/store.ts';

const MAX_KEYS = 5;
const PREFIX = 'pm3k_creator_';
const CHECK_LENGTH = 6;
const RANDOM_BITS = 40 * Math.log2(62);
const NAME = /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,39}$/u;

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

/** `pm3k_creator_<40 random><6 checksum>`: a scanner can tell a key, and we a typo from a forgery. */
export function newKey(): string {
  const body = PREFIX + randomToken(RANDOM_BITS);
  return body + checksum(body);
}

export function isWellFormed(key: string): boolean {
  if (!/^pm3k_[a-z]+_[A-Za-z0-9]{40,}$/.test(key)) return false;
  return checksum(key.slice(0, -CHECK_LENGTH)) === key.slice(-CHECK_LENGTH);
}

function checksum(body: string): string {
  return sha256(`pm3k key ${body}`).slice(0, CHECK_LENGTH);
}

/** Issues a key; one of the same name stops working at once. Answers the key, the only time. */
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
    const others = await trx('api_keys')
      .where({ creator_id: creator.id })
      .whereNot({ name })
      .count('* as count')
      .first();
    if (Number(others?.['count']) >= MAX_KEYS) {
      throw new Problem(
        'state_conflict',
        `There are already ${MAX_KEYS} keys. Issue again under one of their names to replace it, or remove one.`,
      );
    }
    const [saved] = await trx('api_keys')
      .insert({
        creator_id: creator.id,
        name,
        key_hash: sha256(key),
        hint: key.slice(-4),
        expires_at: expiresAt,
      })
      .onConflict(['creator_id', 'name'])
      .merge({
        key_hash: sha256(key),
        hint: key.slice(-4),
        expires_at: expiresAt,
        last_used_at: null,
        created_at: trx.fn.now(),
      })
      .returning(['id', 'creator_id', 'name', 'hint', 'expires_at', 'last_used_at', 'created_at']);
    return saved as ApiKey;
  });
  return { key, row };
}

function chooseExpiry(ctx: Context, creator: Creator): Date {
  const lifetime = Date.now() + getPlanLimits(ctx.config, creator).keyDays * DAY_MS;
  return new Date(Math.min(lifetime, creator.plan_ends_at?.getTime() ?? lifetime));
}

export async function listKeys(ctx: Context, creatorId: string): Promise<ApiKey[]> {
  return ctx
    .db('api_keys')
    .where({ creator_id: creatorId })
    .orderBy('created_at')
    .select('id', 'creator_id', 'name', 'hint', 'expires_at', 'last_used_at', 'created_at');
}

export async function removeKey(ctx: Context, creatorId: string, name: string): Promise<void> {
  await ctx.db('api_keys').where({ creator_id: creatorId, name }).delete();
}

/**
 * The creator of an `Authorization: Bearer` header. Looked up by hash, so nothing is compared that
 * time could tell. Throws `unauthorized`, `key_expired`, and unless the route is always open
 * `plan_expired` or `forbidden`.
 */
export async function authenticate(
  ctx: Context,
  header: string,
  isAlwaysOpen = false,
): Promise<{ creator: Creator; key: ApiKey }> {
  const text = /^Bearer +(\S+) *$/i.exec(header)?.[1];
  if (!text) {
    throw new Problem(
      'unauthorized',
      'Expected the header `Authorization: Bearer pm3k_…` with an API key.',
      WWW,
    );
  }
  if (!isWellFormed(text)) {
    throw new Problem(
      'unauthorized',
      'This is not a key of PM3K: its checksum does not match. Look for a typing error.',
      WWW,
    );
  }
  const row = await ctx
    .db('api_keys')
    .where({ key_hash: sha256(text) })
    .first();
  if (!row)
    throw new Problem(
      'unauthorized',
      'This key was replaced, removed, or is of another instance.',
      WWW,
    );
  const creator = await getCreator(ctx.db, row.creator_id);
  const planEnded = creator.plan_ends_at !== null && creator.plan_ends_at <= new Date();
  if (planEnded && !isAlwaysOpen) {
    throw new Problem(
      'plan_expired',
      `The ${creator.plan} plan ended on ${creator.plan_ends_at?.toISOString()}, and its keys with it.`,
    );
  }
  // A key ends with its plan, which must not keep anybody from leaving.
  const endsWithPlan = row.expires_at.getTime() === creator.plan_ends_at?.getTime();
  if (row.expires_at <= new Date() && !(isAlwaysOpen && endsWithPlan)) {
    throw new Problem(
      'key_expired',
      `This key expired on ${row.expires_at.toISOString()}. Issue a new one on the dashboard.`,
      WWW,
    );
  }
  if (creator.suspended_at && !isAlwaysOpen) throw suspended();
  await noteUse(ctx, row);
  await touchLastSeen(ctx.db, creator);
  return { creator, key: row };
}

const WWW = { headers: { 'WWW-Authenticate': 'Bearer' } };

/** At most once a minute, so that a busy key is not a busy row. */
async function noteUse(ctx: Context, row: ApiKey): Promise<void> {
  if (row.last_used_at && Date.now() - row.last_used_at.getTime() < 60_000) return;
  await ctx.db('api_keys').where({ id: row.id }).update({ last_used_at: ctx.db.fn.now() });
}

/** Throws `forbidden` unless the creator allowed it: a leaked key must neither export nor erase. */
export function assertKeysMay(creator: Creator): void {
  if (creator.keys_may_export_and_erase) return;
  throw new Problem(
    'forbidden',
    'API keys of this account may neither export nor erase. The creator can allow it on the dashboard, under Settings.',
  );
}

/** Ends every session and key of a creator; returns table → rows that went. */
export async function removeAccess(
  trx: Knex,
  creatorId: string,
): Promise<{ sessions: number; api_keys: number }> {
  const sessions = await trx('sessions').where({ creator_id: creatorId }).delete();
  const apiKeys = await trx('api_keys').where({ creator_id: creatorId }).delete();
  return { sessions, api_keys: apiKeys };
}
