// How ownership is proved: a sign-in by one-time link, a code in the bio, or another change that is seen.

import { randomInt } from 'node:crypto';
import type { Knex } from 'knex';
import { invalid, Problem } from '../base/errors.ts';
import { randomToken, sha256 } from '../base/secrets.ts';
import { HOUR_MS } from '../base/time.ts';
import type { Context } from '../context/context.ts';
import { findAccount, readBio } from './account.ts';
import { type Act, getRequest, lockFor, logAct } from './commands.ts';
import { afterTheWait, assertState, isNameFresh } from './rules.ts';
import { changeRequest, type DeletionRequest, NO_PROOF, type ProofMethod } from './store.ts';

const LINK_MS = 72 * HOUR_MS;
/** Nothing that looks like another: people type it from an email into a phone. */
const CODE_ALPHABET = 'ABCDEFGHJKMNPQRTUVWXYZ2346789';
const CODE_LENGTH = 8;

/**
 * Asks for a proof; one that was asked for before is worth nothing any more. Without an account, too:
 * whoever names somebody else's gets the same answer, and so learns from it nothing about that one.
 */
export async function askProof(
  ctx: Context,
  act: Act,
  ask: { method: ProofMethod; description: string },
): Promise<void> {
  const { method, description } = ask;
  if (method === 'other' && !description) {
    throw invalid('/description', 'Describe the change that you ask for.');
  }
  await ctx.db.transaction(async (trx) => {
    const request = await lockFor(trx, act, ['received', 'identity_asked']);
    await changeRequest(trx, request.id, {
      ...NO_PROOF,
      ...prepareProof(ctx, request, method),
      state: 'identity_asked',
      method,
      proof_description: description || null,
    });
    await logAct(trx, request, act.operator, `asked_by_${method}`, description || null);
  });
}

function prepareProof(
  ctx: Context,
  { id }: DeletionRequest,
  method: ProofMethod,
): Partial<DeletionRequest> {
  if (method === 'bio') return { bio_code: newCode() };
  if (method === 'other') return {};
  const token = randomToken(256);
  return {
    proof_token_hash: sha256(token),
    proof_token: ctx.secrets.seal(token, tokenContext(id)),
    proof_expires_at: new Date(Date.now() + LINK_MS),
  };
}

function newCode(): string {
  const letters = Array.from({ length: CODE_LENGTH }, () => randomInt(CODE_ALPHABET.length));
  return letters.map((index) => CODE_ALPHABET[index]).join('');
}

const tokenContext = (id: string) => `deletion_requests.proof_token:${id}`;

/** The one-time link's path, while it can still be used; else null. */
export function linkPath(ctx: Context, request: DeletionRequest): string | null {
  const { id, proof_token, proof_expires_at } = request;
  if (!proof_token || !proof_expires_at || proof_expires_at <= new Date()) return null;
  try {
    return `/prove/${ctx.secrets.open(proof_token, tokenContext(id))}`;
  } catch {
    // Sealed under a key that is gone: the link still works, but only a new one can be shown.
    return null;
  }
}

/**
 * An operator confirms what was seen. `note`: what that was. Where TikTok tells the bio itself, its
 * answer decides; else the name alone was proved, and an old name needs a second operator or a wait.
 */
export async function confirmProof(
  ctx: Context,
  act: Act,
  note: string,
  signal: AbortSignal,
): Promise<void> {
  const request = await getRequest(ctx, act.requestId);
  if (request.state === 'verified') return confirmAsSecond(ctx, act, note);
  const account = await findAccount(ctx.db, request);
  const bio = request.method === 'bio' && account ? await readBio(ctx, account, signal) : null;
  await ctx.db.transaction(async (trx) => {
    // What the bio was read for must still be what is asked.
    const now = await lockFor(trx, { ...act, version: act.version ?? request.version }, [
      'identity_asked',
    ]);
    if (now.method === 'sign_in') throw onlyByLink();
    if (!now.creator_id) throw withoutAccount();
    if (bio === null) return confirmByEye(trx, now, act, note);
    if (!holdsCode(bio, now.bio_code)) throw codeIsMissing();
    await changeRequest(trx, now.id, verified(act));
    await logAct(trx, now, act.operator, 'verified_by_tiktok', note || null);
  });
}

const verified = (act: Act) => ({
  state: 'verified' as const,
  verified_at: new Date(),
  verified_by: act.operator.id,
});

function holdsCode(bio: string, code: string | null): boolean {
  return code !== null && bio.toUpperCase().includes(code);
}

async function confirmByEye(
  trx: Knex,
  request: DeletionRequest,
  act: Act,
  note: string,
): Promise<void> {
  if (!note) throw missingEvidence();
  const account = await findAccount(trx, request);
  const isFresh = isNameFresh(account?.name_confirmed_at ?? null);
  const waits = isFresh ? {} : { needs_second_operator: true, execute_after: afterTheWait() };
  await changeRequest(trx, request.id, { ...verified(act), ...waits });
  await logAct(trx, request, act.operator, isFresh ? 'verified' : 'verified_by_first', note);
}

async function confirmAsSecond(ctx: Context, act: Act, note: string): Promise<void> {
  if (!note) throw missingEvidence();
  await ctx.db.transaction(async (trx) => {
    const request = await lockFor(trx, act, ['verified']);
    if (!request.needs_second_operator) assertState(request, ['identity_asked']);
    if (request.verified_by === act.operator.id) {
      throw new Problem(
        'state_conflict',
        'You confirmed it already. The second confirmation must come from another operator.',
      );
    }
    await changeRequest(trx, request.id, { needs_second_operator: false, execute_after: null });
    await logAct(trx, request, act.operator, 'verified_by_second', note);
  });
}

function missingEvidence(): Problem {
  return invalid('/note', 'Write down what you saw, and where. It is the evidence.');
}

function withoutAccount(): Problem {
  return new Problem(
    'state_conflict',
    'No account is chosen for this request, so there is nothing to confirm. Nothing was changed. Refuse it, or choose the account and ask anew.',
  );
}

function onlyByLink(): Problem {
  return new Problem(
    'state_conflict',
    'A sign-in by the one-time link is confirmed by the person, not by an operator. Nothing was changed.',
  );
}

function codeIsMissing(): Problem {
  return new Problem(
    'state_conflict',
    'TikTok tells us the bio of this account, and the code is not in it. Nothing was changed. Ask the person again, or check a little later.',
  );
}
