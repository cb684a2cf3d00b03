// Proves ownership: a sign-in by one-time link, a code in the bio, or another visible change.
import { randomInt } from 'node:crypto';
import type { Knex } from 'knex';
import { addToNow, databaseNow } from '../base/database-time.ts';
import { invalid, Problem } from '../base/errors.ts';
import { randomToken, sha256 } from '../base/secrets.ts';
import { HOUR_MS } from '../base/time.ts';
import type { Context } from '../context/context.ts';
import { findAccount, readBio } from './account.ts';
import { type Command, getRequest, lockFor, recordCommand } from './commands.ts';
import { afterTheWait, assertState, isNameFresh } from './rules.ts';
import { changeRequest, type DeletionRequest, NO_PROOF, type ProofMethod } from './store.ts';

const LINK_MS = 72 * HOUR_MS;
/** No two letters look alike, since people type the code from an email into a phone. */
const CODE_ALPHABET = 'ABCDEFGHJKMNPQRTUVWXYZ2346789';
const CODE_LENGTH = 8;

/**
 * Asks for a proof, and voids one that was asked for before. It works without a chosen account too,
 * with the same reply, so that the sender does not learn whether the account exists.
 */
export async function askProof(
  ctx: Context,
  command: Command,
  ask: { method: ProofMethod; description: string },
): Promise<void> {
  const { method, description } = ask;
  if (method === 'other' && !description) {
    throw invalid('/description', 'Describe the change that you ask the person to make.');
  }
  await ctx.db.transaction(async (trx) => {
    const request = await lockFor(trx, command, ['received', 'identity_asked']);
    await changeRequest(trx, request.id, {
      ...NO_PROOF,
      ...prepareProof(ctx, request, method),
      state: 'identity_asked',
      method,
      proof_description: description || null,
    });
    await recordCommand(trx, command, {
      request,
      name: `asked_by_${method}`,
      evidence: description || null,
    });
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
    proof_expires_at: addToNow(LINK_MS),
  };
}

function newCode(): string {
  const letters = Array.from({ length: CODE_LENGTH }, () => randomInt(CODE_ALPHABET.length));
  return letters.map((index) => CODE_ALPHABET[index]).join('');
}

const tokenContext = (id: string) => `deletion_requests.proof_token:${id}`;

/** Returns the path of the one-time link while it can be used, else null. */
export function findLinkPath(ctx: Context, request: DeletionRequest): string | null {
  const { id, proof_token, proof_expires_at } = request;
  if (!proof_token || !proof_expires_at || proof_expires_at <= databaseNow()) return null;
  try {
    return `/prove/${ctx.secrets.open(proof_token, tokenContext(id))}`;
  } catch {
    // The token was sealed under a key that is gone. The link works, but we cannot show it again.
    return null;
  }
}

/**
 * Confirms a proof that an operator saw; `evidence` says what that was. Where TikTok tells us the
 * bio, its answer decides. Otherwise only the name is proved, and a name that TikTok has not
 * confirmed within `NAME_DAYS` needs a second operator or a wait.
 * @throws Problem `state_conflict`, or `invalid_request` when the evidence is missing.
 */
export async function confirmProof(
  ctx: Context,
  command: Command,
  evidence: string,
  signal: AbortSignal,
): Promise<void> {
  const request = await getRequest(ctx, command.requestId);
  if (request.state === 'verified') return confirmAsSecond(ctx, command, evidence);
  const account = await findAccount(ctx.db, request);
  const bio = request.method === 'bio' && account ? await readBio(ctx, account, signal) : null;
  await ctx.db.transaction(async (trx) => {
    // The request must not have changed since the bio was read for it.
    const now = await lockFor(trx, { ...command, version: command.version ?? request.version }, [
      'identity_asked',
    ]);
    if (now.method === 'sign_in') throw onlyByLink();
    if (!now.creator_id) throw withoutAccount();
    if (bio === null) return confirmByEye(trx, now, command, evidence);
    if (!holdsCode(bio, now.bio_code)) throw codeIsMissing();
    await changeRequest(trx, now.id, verified(command));
    await recordCommand(trx, command, {
      request: now,
      name: 'verified_by_tiktok',
      evidence: evidence || null,
    });
  });
}

const verified = (command: Command) => ({
  state: 'verified' as const,
  verified_at: databaseNow(),
  verified_by: command.operator.id,
});

function holdsCode(bio: string, code: string | null): boolean {
  return code !== null && bio.toUpperCase().includes(code);
}

async function confirmByEye(
  trx: Knex,
  request: DeletionRequest,
  command: Command,
  evidence: string,
): Promise<void> {
  if (!evidence) throw missingEvidence();
  const account = await findAccount(trx, request);
  const isFresh = isNameFresh(account?.name_confirmed_at ?? null);
  const waits = isFresh ? {} : { needs_second_operator: true, execute_after: afterTheWait() };
  await changeRequest(trx, request.id, { ...verified(command), ...waits });
  await recordCommand(trx, command, {
    request,
    name: isFresh ? 'verified' : 'verified_by_first',
    evidence,
  });
}

async function confirmAsSecond(ctx: Context, command: Command, evidence: string): Promise<void> {
  if (!evidence) throw missingEvidence();
  await ctx.db.transaction(async (trx) => {
    const request = await lockFor(trx, command, ['verified']);
    if (!request.needs_second_operator) assertState(request, ['identity_asked']);
    if (request.verified_by === command.operator.id) {
      throw new Problem(
        'state_conflict',
        'You have confirmed this proof already. The second confirmation must come from another operator.',
      );
    }
    await changeRequest(trx, request.id, { needs_second_operator: false, execute_after: null });
    await recordCommand(trx, command, { request, name: 'verified_by_second', evidence });
  });
}

function missingEvidence(): Problem {
  return invalid('/note', 'Write down what you saw and where. This is the evidence.');
}

function withoutAccount(): Problem {
  return new Problem(
    'state_conflict',
    'No account is chosen for this request, so there is nothing to confirm. Nothing was changed. Refuse the request, or choose the account and ask for a proof again.',
  );
}

function onlyByLink(): Problem {
  return new Problem(
    'state_conflict',
    'The person confirms a sign-in by the one-time link, not an operator. Nothing was changed.',
  );
}

function codeIsMissing(): Problem {
  return new Problem(
    'state_conflict',
    'TikTok told us the bio of this account, and the code is not in it. Nothing was changed. Ask the person again, or check again a little later.',
  );
}
