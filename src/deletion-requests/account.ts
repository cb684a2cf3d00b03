// Reads the account that an operator chose for a request, and its bio as TikTok knows it.
import type { Knex } from 'knex';
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { type Creator, findCreator, saveProfile } from '../creators/store.ts';
import { getAccess } from '../creators/tokens.ts';
import { TikTokError } from '../tiktok/errors.ts';
import type { DeletionRequest } from './store.ts';

/** Returns undefined when no account is chosen or the chosen one is being deleted. */
export async function findAccount(
  db: Knex,
  { creator_id }: Pick<DeletionRequest, 'creator_id'>,
): Promise<Creator | undefined> {
  return creator_id ? findCreator(db, creator_id) : undefined;
}

/** Returns every name of the person that this request knows. */
export async function listNames(db: Knex, request: DeletionRequest): Promise<(string | null)[]> {
  const account = await findAccount(db, request);
  const given = request.username?.replace(/^@/, '') ?? null;
  return [given, account?.username ?? null, account?.nickname ?? null];
}

/**
 * Asks TikTok for the bio of this account. Returns null where the account did not allow that or
 * TikTok does not answer; then an operator has to look at the profile.
 */
export async function readBio(
  ctx: Context,
  account: Creator,
  signal: AbortSignal,
): Promise<string | null> {
  try {
    const { token, scopes } = await getAccess(ctx, account.id, signal);
    if (!scopes.includes('user.info.profile')) return null;
    const user = await ctx.tiktok.userInfo(token, scopes, { signal });
    if (user.open_id !== account.open_id) return null;
    if (user.username) await saveProfile(ctx.db, account.id, { username: user.username });
    return user.bio_description ?? '';
  } catch (error) {
    if (error instanceof TikTokError || error instanceof Problem) return null;
    throw error;
  }
}
