// The SQL of OAuth states: what a way to TikTok was begun for, in which browser.
import type { Knex } from 'knex';

export interface OAuthState {
  state_hash: string;
  browser_hash: string;
  /** Sealed. */
  code_verifier: string | null;
  invitation_id: string | null;
  expires_at: Date;
  /** The deletion request whose one-time link it began with; then nobody is signed in by it. */
  request_id: string | null;
  proof_token_hash: string | null;
}

export async function insertOAuthState(db: Knex, state: Partial<OAuthState>): Promise<void> {
  await db('oauth_states').insert(state);
}

/** Single use: whoever reads a state also removes it. */
export async function takeOAuthState(db: Knex, stateHash: string): Promise<OAuthState | undefined> {
  const [state] = await db('oauth_states').where({ state_hash: stateHash }).delete().returning('*');
  return state && state.expires_at > new Date() ? state : undefined;
}
