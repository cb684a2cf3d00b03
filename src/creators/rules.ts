// What a creator may do: the limits of the plan, and the reasons why an account cannot post.
import type { Knex } from 'knex';
import type { Config, PlanLimits } from '../base/config.ts';
import { databaseNow } from '../base/database-time.ts';
import { Problem } from '../base/errors.ts';
import type { Creator } from './store.ts';

/** Returns the limits of the creator's plan, as configured. They also hold after the plan ended. */
export function getPlanLimits(config: Config, creator: Creator): PlanLimits {
  return config.plans[creator.plan];
}

/**
 * Checks that the creator may upload and post, on the dashboard and by API key alike.
 * @throws Problem `forbidden`, `plan_expired` or `creator_disconnected`.
 */
export function assertMayPost(creator: Creator): void {
  const refusal = findRefusalToPost(creator);
  if (refusal) throw refusal;
}

/** Returns true if `assertMayPost` would not throw. */
export function mayPost(creator: Creator): boolean {
  return findRefusalToPost(creator) === null;
}

function findRefusalToPost(creator: Creator): Problem | null {
  if (creator.suspended_at) return suspended();
  if (creator.plan_ends_at && creator.plan_ends_at <= databaseNow()) {
    return new Problem(
      'plan_expired',
      `The ${creator.plan} plan of this account ended on ${creator.plan_ends_at.toISOString()}.`,
    );
  }
  return creator.disconnected_at ? disconnected() : null;
}

/**
 * Checks the row in the database, for work that began before the operator suspended the account.
 * @throws Problem `forbidden`.
 */
export async function assertNotSuspended(db: Knex, id: string): Promise<void> {
  const creator = await db('creators').where({ id }).whereNotNull('suspended_at').first('id');
  if (creator) throw suspended();
}

/** Returns the Problem of an account that the operator suspended. */
export function suspended(): Problem {
  return new Problem('forbidden', 'This account is suspended. Ask the operator.');
}

/** Returns the Problem of an account whose permission TikTok has taken back. */
export function disconnected(): Problem {
  return new Problem(
    'creator_disconnected',
    'TikTok no longer lets us post for this account. Connect with TikTok again on the dashboard.',
  );
}
