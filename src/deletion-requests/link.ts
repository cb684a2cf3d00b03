// The one-time link: compares who signed in with TikTok; a second click verifies the request.
import type { Knex } from 'knex';
import { databaseNow } from '../base/database-time.ts';
import { Problem } from '../base/errors.ts';
import { sha256 } from '../base/secrets.ts';
import { HOUR_MS } from '../base/time.ts';
import type { Context } from '../context/context.ts';
import type { Returned } from '../creators/authorization.ts';
import { findAccount } from './account.ts';
import { settleToken } from './proof-token.ts';
import { findLinkPath } from './proofs.ts';
import {
  changeRequest,
  type DeletionRequest,
  findByProofToken,
  lockRequest,
  logEvent,
} from './store.ts';

/** Ties the second button to the browser that signed in, so that a forwarded link deletes nobody. */
export const PROOF_COOKIE = { name: 'pm3k_proof', path: '/prove', maxAge: 72 * HOUR_MS };

/**
 * Returns the request of an unused link, for the state of the sign-in.
 * @throws Problem `not_found`, in the same words whatever is wrong with the link.
 */
export async function openLink(
  ctx: Context,
  token: string,
): Promise<{ request_id: string; proof_token_hash: string }> {
  const proofTokenHash = sha256(token);
  const request = await findByProofToken(ctx.db, proofTokenHash);
  if (!request || !isUnused(request)) throw linkEnded();
  return { request_id: request.id, proof_token_hash: proofTokenHash };
}

function isUnused(request: DeletionRequest): boolean {
  return request.proof_token !== null && isWaiting(request);
}

/** Whether a proof was asked for and its time is not over. */
function isWaiting({ state, proof_expires_at }: DeletionRequest): boolean {
  const isInTime = proof_expires_at !== null && proof_expires_at > databaseNow();
  return state === 'identity_asked' && isInTime;
}

function linkEnded(): Problem {
  return new Problem(
    'not_found',
    'This link was used already, was replaced by a newer one, or has ended: it lasts 72 hours. If you still need it, answer the email it came with and ask for a new one.',
  );
}

export type LinkStep = 'begin' | 'confirm' | 'other_account' | 'confirmed';

/**
 * Returns what the link shows in this browser. `name` is set only for the owner of the account.
 * @throws Problem `not_found` when the link is unknown, has ended, or was used in another browser.
 */
export async function lookAtLink(
  ctx: Context,
  token: string,
  browserToken: string | undefined,
): Promise<{ step: LinkStep; name: string | null; number: number }> {
  const request = await findByProofToken(ctx.db, sha256(token));
  if (!request) throw linkEnded();
  const { number } = request;
  if (isUnused(request)) return { step: 'begin', name: null, number };
  if (!isOwnBrowser(request, browserToken)) throw linkEnded();
  if (request.state === 'verified') return { step: 'confirmed', name: null, number };
  if (request.state !== 'identity_asked') throw linkEnded();
  if (!request.proof_match) return { step: 'other_account', name: null, number };
  const account = await findAccount(ctx.db, request);
  return { step: 'confirm', name: account?.username ?? account?.nickname ?? null, number };
}

function isOwnBrowser(request: DeletionRequest, browserToken: string | undefined): boolean {
  return browserToken !== undefined && request.proof_browser_hash === sha256(browserToken);
}

/**
 * Records whether the right account signed in and in which browser, and uses the link up. Returns the
 * path of the link's page, which shows the result.
 * @throws Problem `not_found` when the link has ended meanwhile.
 */
export async function recordSignIn(
  ctx: Context,
  { state, answer }: Returned,
  signal: AbortSignal,
): Promise<string> {
  const seen = await ctx.db.transaction(async (trx) => {
    const request = await lockRequest(trx, state.request_id ?? '');
    // A newer link, or a change of the account, has ended this one.
    const isCurrent = request?.proof_token_hash === state.proof_token_hash;
    const link = request && isCurrent && isUnused(request) ? findLinkPath(ctx, request) : null;
    if (!request || !link) return null;
    const isMatch = await recordMatch(trx, request, answer.open_id, state.browser_hash);
    return { path: link, is_match: isMatch };
  });
  await settleToken(ctx, { answer, isMatch: seen?.is_match ?? false }, signal);
  if (!seen) throw linkEnded();
  return seen.path;
}

/**
 * Returns whether the chosen account signed in. If no account is chosen, nobody matches, and the
 * visitor sees the same page as one who signed in with another account.
 */
async function recordMatch(
  trx: Knex,
  request: DeletionRequest,
  openId: string,
  proofBrowserHash: string,
): Promise<boolean> {
  const account = await findAccount(trx, request);
  const proofMatch = account?.open_id === openId;
  await changeRequest(trx, request.id, {
    proof_match: proofMatch,
    proof_browser_hash: proofBrowserHash,
    proof_token: null,
  });
  const name = proofMatch ? 'link_matched' : 'link_did_not_match';
  await logEvent(trx, request.id, { name, operator: null });
  return proofMatch;
}

/**
 * Verifies the request by the second click, in the browser that signed in.
 * @throws Problem `not_found` when this browser may not confirm.
 */
export async function confirmByLink(
  ctx: Context,
  token: string,
  browserToken: string | undefined,
): Promise<void> {
  await ctx.db.transaction(async (trx) => {
    const found = await findByProofToken(trx, sha256(token));
    const request = found && (await lockRequest(trx, found.id));
    if (request?.state === 'verified' && isOwnBrowser(request, browserToken)) return;
    if (!request || !mayConfirm(request, sha256(token), browserToken)) throw linkEnded();
    await changeRequest(trx, request.id, { state: 'verified', verified_at: databaseNow() });
    await logEvent(trx, request.id, { name: 'verified_by_sign_in', operator: null });
  });
}

function mayConfirm(
  request: DeletionRequest,
  tokenHash: string,
  browserToken: string | undefined,
): boolean {
  return (
    isWaiting(request) &&
    request.proof_match === true &&
    request.proof_token_hash === tokenHash &&
    isOwnBrowser(request, browserToken)
  );
}
