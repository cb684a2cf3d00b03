// The SQL of deletion requests: one row per email, and the log of what was done about it.
import type { Knex } from 'knex';

/** The days within which a request must be answered (Art. 12(3) GDPR: one month). */
export const TERM_DAYS = 30;

export type State = 'received' | 'identity_asked' | 'verified' | 'deleting' | 'done' | 'refused';

export type ProofMethod = 'sign_in' | 'bio' | 'other';

/** A row of `deletion_requests`. */
export interface DeletionRequest {
  id: string;
  number: number;
  state: State;
  received_at: Date;
  username: string | null;
  profile_url: string | null;
  usage: string | null;
  details: string | null;
  creator_id: string | null;
  method: ProofMethod | null;
  proof_description: string | null;
  bio_code: string | null;
  proof_token_hash: string | null;
  /** Sealed; null once the link was used. */
  proof_token: string | null;
  proof_expires_at: Date | null;
  proof_browser_hash: string | null;
  proof_match: boolean | null;
  verified_at: Date | null;
  execute_after: Date | null;
  needs_second_operator: boolean;
  verified_by: string | null;
  refusal_reason: string | null;
  deletion_id: string | null;
  closed_at: Date | null;
  version: number;
  created_at: Date;
}

export interface RequestEvent {
  at: Date;
  operator_email: string | null;
  name: string;
  /** The operator's evidence. */
  note: string | null;
}

/** What the email said. */
export type Words = Pick<
  DeletionRequest,
  'username' | 'profile_url' | 'usage' | 'details' | 'received_at'
>;

/** The columns of a proof, emptied; a new proof begins from them. */
export const NO_PROOF = {
  method: null,
  proof_description: null,
  bio_code: null,
  proof_token_hash: null,
  proof_token: null,
  proof_expires_at: null,
  proof_browser_hash: null,
  proof_match: null,
  verified_at: null,
  execute_after: null,
  needs_second_operator: false,
  verified_by: null,
} satisfies Partial<DeletionRequest>;

const CLOSED: State[] = ['done', 'refused'];

const SHOWN_CLOSED = 100;

export async function insertRequest(trx: Knex, words: Words): Promise<DeletionRequest> {
  const [row] = await trx('deletion_requests').insert(words).returning('*');
  return row;
}

export async function findRequest(db: Knex, id: string): Promise<DeletionRequest | undefined> {
  return db('deletion_requests').where({ id }).first();
}

/** Locks the row, so that nobody else changes it until the caller's transaction ends. */
export async function lockRequest(trx: Knex, id: string): Promise<DeletionRequest | undefined> {
  return trx('deletion_requests').where({ id }).forUpdate().first();
}

export async function findByProofToken(
  db: Knex,
  proofTokenHash: string,
): Promise<DeletionRequest | undefined> {
  return db('deletion_requests').where({ proof_token_hash: proofTokenHash }).first();
}

export async function changeRequest(
  trx: Knex,
  id: string,
  changes: Partial<DeletionRequest>,
): Promise<void> {
  await trx('deletion_requests')
    .where({ id })
    .update({ ...changes, version: trx.raw('version + 1') });
}

interface NewEvent {
  name: string;
  /** Null for what the person or the program did. */
  operator: { id: string; email: string } | null;
  evidence?: string | null;
}

export async function logEvent(
  trx: Knex,
  requestId: string,
  { name, operator, evidence = null }: NewEvent,
): Promise<void> {
  await trx('deletion_request_events').insert({
    ...{ request_id: requestId, name, note: evidence },
    ...{ operator_id: operator?.id ?? null, operator_email: operator?.email ?? null },
  });
}

export async function listRequestEvents(db: Knex, requestId: string): Promise<RequestEvent[]> {
  return db('deletion_request_events').where({ request_id: requestId }).orderBy('id');
}

/** Returns the open requests, those with the fewest days left first. */
export async function listOpen(db: Knex): Promise<DeletionRequest[]> {
  return db('deletion_requests').whereNotIn('state', CLOSED).orderBy(['received_at', 'number']);
}

/** Returns at most 100 closed requests, the latest first. */
export async function listClosed(db: Knex): Promise<DeletionRequest[]> {
  return db('deletion_requests')
    .whereIn('state', CLOSED)
    .orderBy('closed_at', 'desc')
    .limit(SHOWN_CLOSED);
}

/** Counts the requests that wait for an answer, and those of them that are late. */
export async function countOpenRequests(db: Knex): Promise<{ open: number; overdue: number }> {
  const { rows } = await db.raw(
    `select count(*)::int as open,
            (count(*) filter (where received_at < now() - ? * interval '1 day'))::int as overdue
       from deletion_requests where state not in ('done', 'refused')`,
    [TERM_DAYS],
  );
  return rows[0];
}

/** Returns the request that may soon delete this account although only its name was proved. */
export async function findNotice(
  db: Knex,
  creatorId: string,
): Promise<Pick<DeletionRequest, 'number' | 'execute_after'> | undefined> {
  return db('deletion_requests')
    .where({ creator_id: creatorId, state: 'verified', needs_second_operator: true })
    .orderBy('execute_after')
    .first('number', 'execute_after');
}
