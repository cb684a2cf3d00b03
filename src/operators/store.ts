// The SQL of operators: who may use the admin pages, their sessions, and the audit log.
import type { Knex } from 'knex';
import { Problem } from '../base/errors.ts';

/** A row of `operators`. */
export interface Operator {
  id: string;
  email: string;
  password_hash: string;
  /** Another operator made the password, so its owner must change it first of all. */
  password_is_initial: boolean;
  configured_hash: string | null;
  /** Sealed. */
  totp_secret: string | null;
  totp_confirmed_at: Date | null;
  totp_last_step: number | null;
  failures: number;
  locked_until: Date | null;
  created_at: Date;
  updated_at: Date;
}

export const FAILURES = 10;
export const LOCKED_MINUTES = 15;

export async function findOperator(db: Knex, id: string): Promise<Operator | undefined> {
  return db('operators').where({ id }).first();
}

export async function findOperatorByEmail(db: Knex, email: string): Promise<Operator | undefined> {
  return db('operators').where({ email: email.toLowerCase() }).first();
}

/** Locks the row until the caller's transaction ends. */
export async function lockOperator(trx: Knex, email: string): Promise<Operator | undefined> {
  return trx('operators').where({ email: email.toLowerCase() }).forUpdate().first();
}

export async function listOperators(db: Knex): Promise<Operator[]> {
  return db('operators').orderBy('email');
}

/** Returns undefined when an operator with this email exists already. */
export async function insertOperator(
  trx: Knex,
  operator: Pick<Operator, 'email' | 'password_hash'> & Partial<Operator>,
): Promise<Operator | undefined> {
  const [row] = await trx('operators')
    .insert({ ...operator, email: operator.email.toLowerCase() })
    .onConflict('email')
    .ignore()
    .returning('*');
  return row;
}

export async function updateOperator(
  trx: Knex,
  id: string,
  changes: Partial<Operator>,
): Promise<void> {
  await trx('operators')
    .where({ id })
    .update({ ...changes, updated_at: trx.fn.now() });
}

/**
 * Locks the table first, so that two operators who remove each other at once cannot both succeed.
 * @throws Problem `not_found`, and `state_conflict` for the last operator.
 */
export async function removeOperator(trx: Knex, id: string): Promise<void> {
  await trx.raw('lock table operators in exclusive mode');
  const all = await listOperators(trx);
  if (!all.some((each) => each.id === id)) {
    throw new Problem('not_found', 'There is no such operator.');
  }
  if (all.length === 1) {
    throw new Problem('state_conflict', 'The last operator cannot be removed. Add another first.');
  }
  await trx('operators').where({ id }).delete();
}

/**
 * Counts a try before it is checked, so that tries at the same time count like tries in a row.
 * Returns the tries in a row, or null while signing in is locked. The tenth try locks it;
 * `forgiveTries` resets the count after a right one.
 */
export async function countTry(db: Knex, id: string): Promise<number | null> {
  const tries = 'case when locked_until is null then failures + 1 else 1 end';
  const lockedUntil = `case when ${tries} >= ? then now() + ? * interval '1 minute' end`;
  const [row] = await db('operators')
    .where({ id })
    .whereRaw('(locked_until is null or locked_until <= now())')
    .update({
      failures: db.raw(tries),
      locked_until: db.raw(lockedUntil, [FAILURES, LOCKED_MINUTES]),
    })
    .returning('failures');
  return row?.failures ?? null;
}

export async function forgiveTries(trx: Knex, id: string): Promise<void> {
  await trx('operators').where({ id }).update({ failures: 0, locked_until: null });
}

/** Returns false when this code or a later one was used already. */
export async function useTotpStep(db: Knex, id: string, step: number): Promise<boolean> {
  const used = await db('operators')
    .where({ id })
    .whereRaw('(totp_last_step is null or totp_last_step < ?)', [step])
    .update({ totp_last_step: step });
  return used === 1;
}

/** A session as its owner sees it. `handle` names it on the page and cannot be used to sign in. */
export interface OperatorSession {
  handle: string;
  id_hash: string;
  created_at: Date;
  expires_at: Date;
}

export async function listSessions(db: Knex, operatorId: string): Promise<OperatorSession[]> {
  return db('operator_sessions')
    .where({ operator_id: operatorId })
    .where('expires_at', '>', db.fn.now())
    .orderBy('created_at', 'desc')
    .select('id_hash', 'created_at', 'expires_at', db.raw('left(id_hash, 16) as handle'));
}

export async function endSession(trx: Knex, operatorId: string, handle: string): Promise<boolean> {
  const ended = await trx('operator_sessions')
    .where({ operator_id: operatorId })
    .whereRaw('left(id_hash, 16) = ?', [handle])
    .delete();
  return ended === 1;
}

/** Ends all sessions of this operator except the one with this hash. Returns how many. */
export async function endOtherSessions(
  trx: Knex,
  operatorId: string,
  idHash: string | null,
): Promise<number> {
  return trx('operator_sessions')
    .where({ operator_id: operatorId })
    .whereRaw('id_hash is distinct from ?', [idHash])
    .delete();
}

export interface AuditLine {
  id: number;
  at: Date;
  operator_email: string;
  act: string;
  subject: string | null;
  note: string | null;
}

/**
 * A line of the audit log, which outlives deletions: `subject` and `note` never hold a creator's id
 * or name, only e.g. the number of a request.
 */
interface Audited {
  operator: Pick<Operator, 'id' | 'email'>;
  act: string;
  subject?: string | null;
  note?: string | null;
}

/** Records who did what, in the transaction that does it. */
export async function audit(
  trx: Knex,
  { operator, act, subject = null, note = null }: Audited,
): Promise<void> {
  await trx('audit_log').insert({
    operator_id: operator.id,
    operator_email: operator.email,
    act,
    subject,
    note,
  });
}

/** Returns lines, the newest first. `before`: the id of the last line of the page before. */
export async function listAudit(
  db: Knex,
  limit: number,
  before: number | null = null,
): Promise<AuditLine[]> {
  const lines = db('audit_log').orderBy('id', 'desc').limit(limit);
  return before === null ? lines : lines.where('id', '<', before);
}
