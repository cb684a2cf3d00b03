// The SQL of domains: who owns them, their tokens, and the result of the last check.
import type { Knex } from 'knex';
import { isOwnId, json } from '../base/database.ts';
import { type ErrorCode, Problem } from '../base/errors.ts';
import { randomToken } from '../base/secrets.ts';
import { lockStaying } from '../creators/leaving.ts';

const MAX_DOMAINS = 50;
/** How long a domain stays verified while its file cannot be checked, e.g. in an outage. */
const PATIENCE = '14 days';
const WEEK = '7 days';

/** What the last check of the file found wrong. */
export interface Fault {
  code: ErrorCode;
  message: string;
}

/** A row of `domains`. */
export interface Domain {
  id: string;
  creator_id: string;
  /** In lower case and punycode; with a port only where private networks are allowed. */
  host: string;
  token: string;
  verified_at: Date | null;
  checked_at: Date | null;
  found_at: Date | null;
  fault: Fault | null;
  created_at: Date;
}

/**
 * Adds a domain with a new token, or returns the domain of this host unchanged if there is one.
 * @throws Problem `not_found` if the creator is leaving, `state_conflict` if there are 50 domains.
 */
export async function addDomain(
  db: Knex,
  creatorId: string,
  host: string,
): Promise<{ domain: Domain; isNew: boolean }> {
  return db.transaction(async (trx) => {
    await lockStaying(trx, creatorId);
    const known = await findDomain(trx, creatorId, host);
    if (known) return { domain: known, isNew: false };
    const [row] = await trx('domains').where({ creator_id: creatorId }).count('* as count');
    if (Number(row?.['count']) >= MAX_DOMAINS) {
      throw new Problem(
        'state_conflict',
        `There are already ${MAX_DOMAINS} domains. Remove one that is not used any more.`,
      );
    }
    const token = randomToken(190);
    const [domain] = await trx('domains')
      .insert({ creator_id: creatorId, host, token })
      .returning('*');
    return { domain, isNew: true };
  });
}

/** Returns all domains of a creator, newest first; there are at most 50. */
export async function listDomains(db: Knex, creatorId: string): Promise<Domain[]> {
  return db('domains')
    .where({ creator_id: creatorId })
    .orderBy([
      { column: 'created_at', order: 'desc' },
      { column: 'id', order: 'desc' },
    ]);
}

/**
 * Returns a domain of this creator. Throws Problem `not_found`, also for another creator's domain.
 */
export async function getDomain(db: Knex, creatorId: string, id: string): Promise<Domain> {
  const domain = isOwnId(id)
    ? await db('domains').where({ id, creator_id: creatorId }).first()
    : undefined;
  if (!domain) throw new Problem('not_found', 'There is no such domain.');
  return domain;
}

/** Returns the creator's domain of this host, or undefined. */
export async function findDomain(
  db: Knex,
  creatorId: string,
  host: string,
): Promise<Domain | undefined> {
  return db('domains').where({ creator_id: creatorId, host }).first();
}

/** Removes a domain. Posts whose file has been fetched continue. Throws Problem `not_found`. */
export async function removeDomain(db: Knex, creatorId: string, id: string): Promise<void> {
  const { id: found } = await getDomain(db, creatorId, id);
  await db('domains').where({ id: found, creator_id: creatorId }).delete();
}

/** Stores that the file was found. Returns the domain, or undefined if it was removed meanwhile. */
export async function recordFound(db: Knex, id: string): Promise<Domain | undefined> {
  const [domain] = await db('domains')
    .where({ id })
    .update({
      verified_at: db.raw('coalesce(verified_at, now())'),
      checked_at: db.fn.now(),
      found_at: db.fn.now(),
      fault: null,
    })
    .returning('*');
  return domain;
}

/**
 * Stores what was wrong. Returns the domain, or undefined if it was removed meanwhile. If the file
 * may still be there, the domain stays verified for 14 days after the file was last found.
 */
export async function recordFault(
  db: Knex,
  id: string,
  fault: Fault,
  mayBeThere: boolean,
): Promise<Domain | undefined> {
  const verified = `case when ? and found_at > now() - interval '${PATIENCE}' then verified_at end`;
  const [domain] = await db('domains')
    .where({ id })
    .update({
      verified_at: db.raw(verified, [mayBeThere]),
      checked_at: db.fn.now(),
      fault: json(fault),
    })
    .returning('*');
  return domain;
}

/** Returns the verified domains that were not checked for a week, the longest ago first. */
export async function listDue(db: Knex, limit: number): Promise<Domain[]> {
  return db('domains')
    .whereNotNull('verified_at')
    .whereRaw(`checked_at < now() - interval '${WEEK}'`)
    .orderBy('checked_at')
    .limit(limit);
}
