// Decides whether a creator may post from a URL: by its form, the plan and verified domains.
import type { Knex } from 'knex';
import { measureSince } from '../base/database-time.ts';
import { Problem } from '../base/errors.ts';
import { DAY_MS } from '../base/time.ts';
import type { Context } from '../context/context.ts';
import { getPlanLimits } from '../creators/rules.ts';
import type { Creator } from '../creators/store.ts';
import { judgeUrl, toHost } from '../safe-fetch/urls.ts';
import { type Domain, findDomain } from './store.ts';
import { checkDomain, VERIFICATION_FILE } from './verify.ts';

/** A URL that may be fetched, in the form in which it is stored, and the domain that allows it. */
export interface JudgedSource {
  url: string;
  domain: Domain;
}

/**
 * Judges a URL without using the network.
 * @throws Problem `source_not_allowed_for_plan`, `url_not_allowed` or `domain_not_verified`.
 */
export async function judgeSource(
  ctx: Context,
  db: Knex,
  creator: Creator,
  text: string,
): Promise<JudgedSource> {
  assertPlanHasUrls(ctx, creator);
  const url = judgeUrl(text, ctx.safeFetch.policy);
  const host = toHost(url);
  const domain = await findDomain(db, creator.id, host);
  if (!domain?.verified_at) throw notVerified(host, domain);
  return { url: url.href, domain };
}

/**
 * As `judgeSource`, for the worker: checks the domain's file again before its first use each day.
 */
export async function judgeSourceToday(
  ctx: Context,
  creator: Creator,
  text: string,
  signal: AbortSignal,
): Promise<JudgedSource> {
  const judged = await judgeSource(ctx, ctx.db, creator, text);
  const { checked_at, host } = judged.domain;
  if (checked_at && measureSince(checked_at) < DAY_MS) return judged;
  const domain = await checkDomain(ctx, judged.domain, signal);
  if (!domain.verified_at) throw notVerified(host, domain);
  return { ...judged, domain };
}

/** Checks that the plan has Verified URLs. Throws Problem `source_not_allowed_for_plan`. */
export function assertPlanHasUrls(ctx: Context, creator: Creator): void {
  if (getPlanLimits(ctx.config, creator).verifiedUrls) return;
  throw new Problem(
    'source_not_allowed_for_plan',
    `The ${creator.plan} plan has no Verified URLs. Upload the file instead.`,
  );
}

function notVerified(host: string, domain: Domain | undefined): Problem {
  if (!domain) {
    return new Problem(
      'domain_not_verified',
      `${host} is not a domain of this account. Add it under Domains, and put its file on the server.`,
    );
  }
  const why = domain.fault?.message ?? `Put its token into ${VERIFICATION_FILE}.`;
  return new Problem(
    'domain_not_verified',
    `${host} is not verified. ${why} Verify it under Domains, and try again.`,
  );
}
