// The chore that looks at the files of verified domains again, each once a week.

import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { type Domain, listDue } from './store.ts';
import { checkDomain } from './verify.ts';

/** An hour's share; what is left is the oldest in the next. */
const BATCH = 200;
const AT_ONCE = 4;

export async function recheckDomains(ctx: Context, signal: AbortSignal): Promise<void> {
  const due = await listDue(ctx.db, BATCH);
  const next = due.values();
  await Promise.all(Array.from({ length: AT_ONCE }, () => checkThese(ctx, next, signal)));
  if (due.length > 0) ctx.log.info({ event: 'domains.rechecked', count: due.length });
}

/** Several take from one list, so that a slow host holds up nobody but itself. */
async function checkThese(
  ctx: Context,
  domains: Iterable<Domain>,
  signal: AbortSignal,
): Promise<void> {
  for (const domain of domains) {
    signal.throwIfAborted();
    await checkDomain(ctx, domain, signal).catch((error) => {
      // Removed meanwhile.
      if (!(error instanceof Problem)) throw error;
    });
  }
}
