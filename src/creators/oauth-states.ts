// The SQL of OAuth states: why a sign-in at TikTok began, and in which browser.
import type { Knex } from 'knex';

/** A row of `oauth_states`. */
export interface OAuthState {
  state_hash: string;
  browser_hash: string;
  /** Sealed. */
  code_verifier: string | null;
  invitation_id: string | null;
  expires_at: Date;
  /**
   * The deletion request whose one-time link began this. It then proves an account and signs in
   * nobody.
   */
  request_id: string | null;
  proof_token_hash: string | null;
}

/** Inserts a state. */
export async function insertOAuthState(db: Knex, state: Partial<OAuthState>): Promise<void> {
  await db('oauth_states').insert(state);
}

/** Removes the state and returns it, so that it works once. Returns undefined if it has ended. */
export async function takeOAuthState(db: Knex, stateHash: string): Promise<OAuthState | undefined> {
  const [state] = await db('oauth_states')
    .where({ state_hash: stateHash })
    .delete()
    .returning(['*', db.raw('expires_at > now() as is_valid')]);
  return state?.is_valid ? state : undefined;
}
