// The chore that checks the file of every verified domain once a week.
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { type Domain, listDue } from './store.ts';
import { checkDomain } from './verify.ts';

/** The most domains of one run. The rest is the oldest in the next hour, and so comes first. */
const BATCH = 200;
const AT_ONCE = 4;

/** Checks the domains that were not checked for a week, four at a time. */
export async function recheckDomains(ctx: Context, signal: AbortSignal): Promise<void> {
  const due = await listDue(ctx.db, BATCH);
  const next = due.values();
  await Promise.all(Array.from({ length: AT_ONCE }, () => checkThese(ctx, next, signal)));
  if (due.length > 0) ctx.log.info({ event: 'domains.rechecked', count: due.length });
}

/** Takes from a list that several calls share, so that a slow host delays no other one. */
async function checkThese(
  ctx: Context,
  domains: Iterable<Domain>,
  signal: AbortSignal,
): Promise<void> {
  for (const domain of domains) {
    signal.throwIfAborted();
    await checkDomain(ctx, domain, signal).catch((error) => {
      // The creator has removed the domain in the meantime.
      if (!(error instanceof Problem)) throw error;
    });
  }
}
