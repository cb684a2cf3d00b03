// Seals a creator's tokens for the database, and opens them.
import { ConfigFaults } from '../base/config.ts';
import type { Context } from '../context/context.ts';
import type { TokenAnswer } from '../tiktok/oauth.ts';
import { type Grant, listNewestGrants } from './grants.ts';

/** Returns the context under which a token is sealed: its column and its creator. */
export const sealContext = (creatorId: string, column: 'access_token' | 'refresh_token') =>
  `grants.${column}:${creatorId}`;

/** Returns both tokens sealed, as columns of `grants`. */
export function sealTokens(ctx: Context, creatorId: string, answer: TokenAnswer) {
  return {
    scopes: answer.scopes,
    access_token: ctx.secrets.seal(answer.access_token, sealContext(creatorId, 'access_token')),
    refresh_token: ctx.secrets.seal(answer.refresh_token, sealContext(creatorId, 'refresh_token')),
    access_expires_at: answer.access_expires_at,
    refresh_expires_at: answer.refresh_expires_at,
  };
}

/** Returns both tokens unsealed. Throws if they were sealed under a key that is gone. */
export function openTokens(ctx: Context, grant: Grant) {
  const open = (column: 'access_token' | 'refresh_token') =>
    ctx.secrets.open(grant[column], sealContext(grant.creator_id, column));
  return {
    access_token: open('access_token'),
    refresh_token: open('refresh_token'),
    access_expires_at: grant.access_expires_at,
  };
}

/**
 * Checks at start that APP_SECRET opens the stored tokens, rather than failing every post later.
 * One of the newest 20 is enough, since single grants may have come with a backup of another key.
 * Throws ConfigFaults.
 */
export async function assertSecretOpens(ctx: Context): Promise<void> {
  const newest = await listNewestGrants(ctx.db, 20);
  const opens = newest.some((grant) => {
    try {
      return openTokens(ctx, grant) !== null;
    } catch {
      return false;
    }
  });
  if (newest.length > 0 && !opens) {
    throw new ConfigFaults([
      'APP_SECRET: opens nothing that is stored. Give the key that sealed it; to replace it, put the new one before it, with a comma.',
    ]);
  }
}
