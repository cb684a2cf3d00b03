// Idempotency-Key: for 24 hours the same key and request get the first response again.
import type { Knex } from 'knex';
import { tryLockName } from '../base/database.ts';
import { invalid, Problem } from '../base/errors.ts';
import { sha256 } from '../base/secrets.ts';
import type { Context } from '../context/context.ts';

/** The response that is remembered under a key. */
export interface Answer {
  status: number;
  location: string | null;
  body: string;
}

/** Whose request it is, its key, and what must be the same: method, path and body as one text. */
export interface KeyedRequest {
  creatorId: string;
  key: string;
  request: string;
}

/** The key of one row of `idempotency_keys`. */
interface RowId {
  creator_id: string;
  key_hash: string;
}

/**
 * Runs `work` once per key and returns its answer. `replayed` is true if the answer is the
 * remembered one of an earlier request. Key, work and answer are one transaction, whose lock keeps
 * other requests of the key out: if `work` throws, the process dies or its connection ends, nothing
 * was written and the key is free again.
 * @throws Problem `invalid_request`, `idempotency_conflict` or `idempotency_in_progress`.
 */
export async function once(
  ctx: Context,
  { creatorId, key, request }: KeyedRequest,
  work: (trx: Knex) => Promise<Answer>,
): Promise<{ answer: Answer; replayed: boolean }> {
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw invalid(
      '',
      'Expected an Idempotency-Key of 1 to 255 printable characters without spaces.',
    );
  }
  const id = { creator_id: creatorId, key_hash: sha256(key) };
  const requestHash = sha256(request);
  return ctx.db.transaction(async (trx) => {
    const name = `idempotency:${creatorId}:${id.key_hash}`;
    if (!(await tryLockName(trx, name))) throw inProgress();
    // Read by a statement of its own: one that took the lock too would not see what the request
    // before it has just committed.
    const known = await findAnswer(trx, id, requestHash);
    if (known) return { answer: known, replayed: true };
    await takeKey(trx, id, requestHash);
    const answer = await work(trx);
    await trx('idempotency_keys').where(id).update(answer);
    return { answer, replayed: false };
  });
}

function inProgress(): Problem {
  return new Problem(
    'idempotency_in_progress',
    'The first request with this Idempotency-Key is still running.',
    { headers: { 'Retry-After': '1' } },
  );
}

/**
 * Returns the answer that is remembered under the key, or null if the key is free. A row without an
 * answer was committed by an older version, which is still at work until `locked_until`.
 */
async function findAnswer(trx: Knex, id: RowId, requestHash: string): Promise<Answer | null> {
  const row = await trx('idempotency_keys')
    .where(id)
    .whereRaw("created_at >= now() - interval '24 hours'")
    .first('*', trx.raw('locked_until >= clock_timestamp() as is_locked'));
  if (!row || (row.status === null && !row.is_locked)) return null;
  if (row.request_hash !== requestHash) {
    throw new Problem(
      'idempotency_conflict',
      'This Idempotency-Key was used with another request.',
    );
  }
  if (row.status === null) throw inProgress();
  return { status: row.status, location: row.location, body: row.body };
}

/**
 * Writes the key's row before the work, so that an older version, which knows no lock, waits at the
 * row until this transaction ends. Throws `idempotency_in_progress` if it was quicker.
 */
async function takeKey(trx: Knex, id: RowId, requestHash: string): Promise<void> {
  const { rows } = await trx.raw(
    `insert into idempotency_keys (creator_id, key_hash, request_hash, locked_until)
     values (:creator_id, :key_hash, :request_hash, now())
     on conflict (creator_id, key_hash) do update
       set request_hash = excluded.request_hash, locked_until = excluded.locked_until,
           status = null, location = null, body = null, created_at = now()
       where idempotency_keys.created_at < now() - interval '24 hours'
          or (idempotency_keys.status is null
              and idempotency_keys.locked_until < clock_timestamp())
     returning key_hash`,
    { ...id, request_hash: requestHash },
  );
  if (rows.length === 0) throw inProgress();
}
