// Idempotency-Key: for 24 hours the same key and request get the first response again.
import type { Knex } from 'knex';
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

const LOCK_SECONDS = 120;

/**
 * Runs `work` once per key and returns its answer. `replayed` is true if the answer is the
 * remembered one of an earlier request. `work` writes in the transaction that stores the answer:
 * otherwise a crash between the two would leave a job without an answer, and a second request would
 * make a second job. If `work` throws, the key is free again.
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
  const keyHash = sha256(key);
  const known = await takeKey(ctx, { creatorId, keyHash, requestHash: sha256(request) });
  if (known) return { answer: known, replayed: true };
  try {
    const answer = await ctx.db.transaction(async (trx) => {
      const done = await work(trx);
      const kept = await trx('idempotency_keys')
        .where({ creator_id: creatorId, key_hash: keyHash, status: null })
        .update(done);
      // Our lock ran out and another request answered first. Its answer counts; ours is rolled
      // back.
      if (kept === 0) throw inProgress();
      return done;
    });
    return { answer, replayed: false };
  } catch (error) {
    await ctx
      .db('idempotency_keys')
      .where({ creator_id: creatorId, key_hash: keyHash, status: null })
      .delete();
    throw error;
  }
}

function inProgress(): Problem {
  return new Problem(
    'idempotency_in_progress',
    'The first request with this Idempotency-Key is still running.',
    { headers: { 'Retry-After': '1' } },
  );
}

/** Takes the key and returns null, or returns the answer that is remembered under it. */
async function takeKey(
  ctx: Context,
  { creatorId, keyHash, requestHash }: Record<'creatorId' | 'keyHash' | 'requestHash', string>,
): Promise<Answer | null> {
  const lockedUntil = ctx.db.raw("now() + ? * interval '1 second'", [LOCK_SECONDS]);
  const fresh = {
    creator_id: creatorId,
    key_hash: keyHash,
    request_hash: requestHash,
    locked_until: lockedUntil,
  };
  const { rows } = await ctx.db.raw(
    `insert into idempotency_keys (creator_id, key_hash, request_hash, locked_until)
     values (:creator_id, :key_hash, :request_hash, :locked_until)
     on conflict (creator_id, key_hash) do update
       set request_hash = excluded.request_hash, locked_until = excluded.locked_until,
           status = null, location = null, body = null, created_at = now()
       where idempotency_keys.created_at < now() - interval '24 hours'
          or (idempotency_keys.status is null and idempotency_keys.locked_until < now()
              and idempotency_keys.request_hash = excluded.request_hash)
     returning key_hash`,
    fresh,
  );
  if (rows.length > 0) return null;
  const row = await ctx
    .db('idempotency_keys')
    .where({ creator_id: creatorId, key_hash: keyHash })
    .first();
  if (row && row.request_hash !== requestHash) {
    throw new Problem(
      'idempotency_conflict',
      'This Idempotency-Key was used with another request.',
    );
  }
  if (!row || row.status === null) throw inProgress();
  return { status: row.status, location: row.location, body: row.body };
}
