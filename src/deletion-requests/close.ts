// Closes requests: the person's words are emptied, and the bare record stays for its term.
import type { Knex } from 'knex';
import type { Erased } from '../context/context.ts';
import { mayExecute } from './rules.ts';
import { changeRequest, type DeletionRequest, logEvent, NO_PROOF } from './store.ts';

/** The columns that a closed request loses: the person's words, and whom it was about. */
const EMPTIED = {
  username: null,
  profile_url: null,
  usage: null,
  details: null,
  creator_id: null,
  proof_description: null,
  bio_code: null,
  proof_token_hash: null,
  proof_token: null,
  proof_browser_hash: null,
} satisfies Partial<DeletionRequest>;

/** Closes a request. Number, times, method, operators and the reason of a refusal stay. */
export async function closeRequest(
  trx: Knex,
  id: string,
  changes: { state: 'done' | 'refused'; refusal_reason?: string },
): Promise<void> {
  await changeRequest(trx, id, { ...EMPTIED, ...changes });
  await trx('deletion_requests').where({ id }).update({ closed_at: trx.fn.now() });
  await emptyEvidence(trx, [id]);
}

async function emptyEvidence(trx: Knex, ids: string[]): Promise<void> {
  await trx('deletion_request_events').whereIn('request_id', ids).update({ note: null });
}

/** Closes the requests that led to this deletion, once its search has found nothing. */
export async function finishRequests(trx: Knex, deletionId: string): Promise<void> {
  const requests = await trx('deletion_requests')
    .where({ deletion_id: deletionId, state: 'deleting' })
    .select('id');
  for (const { id } of requests) {
    await closeRequest(trx, id, { state: 'done' });
    await logEvent(trx, id, { name: 'done', operator: null });
  }
}

/**
 * Runs before the rows of an account are erased. A verified request is answered by this deletion,
 * whoever asked for the deletion. A request that is not verified stays open for an operator to
 * close, because its sender has proved nothing and must not learn that the account is gone.
 */
export async function leaveRequests(
  trx: Knex,
  { deletionId, creatorId, openId }: Erased,
): Promise<void> {
  const requests: DeletionRequest[] = await trx('deletion_requests')
    .where({ creator_id: creatorId })
    .forUpdate();
  for (const request of requests.filter(({ state }) => state !== 'deleting')) {
    const isVerified = mayExecute(request);
    await changeRequest(
      trx,
      request.id,
      isVerified
        ? { deletion_id: deletionId, state: 'deleting' }
        : { ...NO_PROOF, state: 'received' },
    );
    const name = isVerified ? 'deleting' : 'account_gone';
    await logEvent(trx, request.id, { name, operator: null });
  }
  await emptyEvidence(
    trx,
    requests.map(({ id }) => id),
  );
  for (const id of [creatorId, openId]) if (id) await forgetMentions(trx, id);
}

/** Removes an id from the other requests, whose emails may name it in upper or lower case. */
async function forgetMentions(trx: Knex, id: string): Promise<void> {
  // `***=` makes PostgreSQL take the rest of the pattern as plain text.
  const literal = `***=${id}`;
  for (const column of ['username', 'profile_url', 'usage', 'details', 'proof_description']) {
    await trx('deletion_requests')
      .whereRaw('?? ~* ?', [column, literal])
      .update({ [column]: trx.raw("regexp_replace(??, ?, '', 'gi')", [column, literal]) });
  }
  await trx('deletion_request_events')
    .whereRaw('note ~* ?', [literal])
    .update({ note: trx.raw("regexp_replace(note, ?, '', 'gi')", [literal]) });
}
