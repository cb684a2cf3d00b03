// Builds the "post anyway / post later" prompt when a limit or a duplicate stops a composed post.
import { Problem } from '../../base/errors.ts';
import type { Context } from '../../context/context.ts';
import type { PageRequest } from '../../web/pages.ts';
import { limitInWords, readPostLimits } from '../accept/limits.ts';
import { type Allowances, faultsByField } from './composer-form.ts';
import type { Faults } from './composer-settings.ts';

/** What the composer offers instead. `path`: where the form is posted when the creator agrees. */
export interface LimitPrompt {
  path: string;
  /** The next free time. */
  retryAt?: Date | undefined;
  /** The first post of the same media. */
  jobId?: string | undefined;
}

/** Reads from the address what the creator has agreed to with the buttons of earlier prompts. */
export function readAllowances(query: PageRequest['koa']['query']): Allowances {
  return {
    allow_duplicate: query['allow_duplicate'] === 'true',
    on_limit: query['on_limit'] === 'delay' ? 'delay' : 'fail',
  };
}

/**
 * Returns what the form shows for this error, or null for an error that it cannot show. What the
 * creator has agreed to stays in the path.
 */
export function promptFor(
  ctx: Context,
  error: unknown,
  allowances: Allowances,
): { faults: Faults; limitPrompt?: LimitPrompt } | null {
  if (!(error instanceof Problem)) return null;
  const { code } = error;
  const { retry_at, job_id } = error.extras;
  const pathWith = (yes: Partial<Allowances>) =>
    `/jobs?${new URLSearchParams(Object.entries({ ...allowances, ...yes }).map(([k, v]) => [k, String(v)]))}`;
  if (code === 'daily_limit' || code === 'too_soon') {
    const faults = { mode: limitInWords(code, readPostLimits(ctx.config)) };
    return { faults, limitPrompt: { path: pathWith({ on_limit: 'delay' }), retryAt: retry_at } };
  }
  if (code === 'duplicate_media') {
    const faults = {
      mode: 'Another post of yours within 24 hours has the same media. Posting it twice can look like spam.',
    };
    return { faults, limitPrompt: { path: pathWith({ allow_duplicate: true }), jobId: job_id } };
  }
  return code === 'invalid_request' ? { faults: faultsByField(error) } : null;
}
