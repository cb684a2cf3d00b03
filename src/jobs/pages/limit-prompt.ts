// A composed post that a limit or a twin holds back: what is said of it, and how the creator says yes all the same.

import { Problem } from '../../base/errors.ts';
import type { Context } from '../../context/context.ts';
import type { PageRequest } from '../../web/pages.ts';
import { limitInWords, readPostLimits } from '../accept/limits.ts';
import { type Allowances, faultsByField } from './composer-form.ts';
import type { Faults } from './composer-settings.ts';

/** A post that may be made after all: later, or although it was made before. `path`: where the yes goes. */
export interface LimitPrompt {
  path: string;
  /** The next free time. */
  retryAt?: Date | undefined;
  /** The first post of the same media. */
  jobId?: string | undefined;
}

/** Said yes to with a button that a first try brought. */
export function readAllowances(query: PageRequest['koa']['query']): Allowances {
  return {
    allow_duplicate: query['allow_duplicate'] === 'true',
    on_limit: query['on_limit'] === 'delay' ? 'delay' : 'fail',
  };
}

/** What of a refusal the form can show and mend, else null; a yes that was given stays given. */
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
      mode: 'This is already in a post of yours within 24 hours, and TikTok may take that for spam.',
    };
    return { faults, limitPrompt: { path: pathWith({ allow_duplicate: true }), jobId: job_id } };
  }
  return code === 'invalid_request' ? { faults: faultsByField(error) } : null;
}
