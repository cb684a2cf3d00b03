// The SQL of requests that are answered: the person's words go, the bare record stays for its term.
import type { Knex } from 'knex';
import type { Erased } from '../context/context.ts';
import { mayExecute } from './rules.ts';
import { changeRequest, type DeletionRequest, logEvent, NO_PROOF } from './store.ts';

/** What an answered request loses: the person's words, and whom it was about. */
const WORDLESS = {
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

/** Answered: only number, times, method and operators stay. */
export async function closeRequest(
  trx: Knex,
  id: string,
  changes: { state: 'done' | 'refused'; refusal_reason?: string },
): Promise<void> {
  await changeRequest(trx, id, { ...WORDLESS, ...changes });
  await trx('deletion_requests').where({ id }).update({ closed_at: trx.fn.now() });
  await emptyEvidence(trx, [id]);
}

async function emptyEvidence(trx: Knex, ids: string[]): Promise<void> {
  await trx('deletion_request_events').whereIn('request_id', ids).update({ note: null });
}

/** The deletion has ended with nothing left: whatever asked for it is answered. */
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
 * The account's rows are about to go. A request that was verified is answered by this deletion,
 * whoever began it; one that was not stays open without its words, for an operator to close: its
 * sender has proved nothing and learns nothing.
 */
export async function leaveRequests(
  trx: Knex,
  { deletionId, creatorId, openId }: Erased,
): Promise<void> {
  const requests: DeletionRequest[] = await trx('deletion_requests')
    .where({ creator_id: creatorId })
    .forUpdate();
  for (const request of requests.filter(({ state }) => state !== 'deleting')) {
    const isAnswered = mayExecute(request);
    await changeRequest(
      trx,
      request.id,
      isAnswered
        ? { deletion_id: deletionId, state: 'deleting' }
        : { ...NO_PROOF, state: 'received' },
    );
    const name = isAnswered ? 'deleting' : 'account_gone';
    await logEvent(trx, request.id, { name, operator: null });
  }
  await emptyEvidence(
    trx,
    requests.map(({ id }) => id),
  );
  for (const id of [creatorId, openId]) if (id) await forgetMentions(trx, id);
}

/** Another email may have named the same account by its id, in whatever case. */
async function forgetMentions(trx: Knex, id: string): Promise<void> {
  // PostgreSQL's way to say that the rest of a pattern is a plain text.
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
