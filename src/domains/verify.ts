// Looks for a domain's file, and says what was found there instead.
import { text } from 'node:stream/consumers';
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { type Domain, recordFault, recordFound } from './store.ts';

export const VERIFICATION_FILE = '/pm3k-verify.txt';
const MAX_FILE_BYTES = 4_096;
/** Statuses by which a server says "not now" rather than "not here". */
const PASSING = [408, 425, 429];

/** Where the file is looked for; by http in a closed test network, which has no certificates. */
export function verificationUrl(ctx: Context, host: string): string {
  const scheme = ctx.config.FETCH_ALLOW_PRIVATE_NETWORKS ? 'http' : 'https';
  return `${scheme}://${host}${VERIFICATION_FILE}`;
}

/**
 * Looks now and writes down what it found; the domain's `fault` says what is wrong, and
 * `verified_at` whether it counts. Throws `not_found` when it was removed meanwhile.
 */
export async function checkDomain(
  ctx: Context,
  domain: Domain,
  signal: AbortSignal,
): Promise<Domain> {
  const problem = await findFault(ctx, domain, signal);
  const checked = problem
    ? await recordFault(
        ctx.db,
        domain.id,
        { code: problem.code, message: problem.message },
        mayPass(problem),
      )
    : await recordFound(ctx.db, domain.id);
  if (!checked) throw new Problem('not_found', 'There is no such domain.');
  if (domain.verified_at && !checked.verified_at) {
    ctx.log.info({ event: 'domain.lost', code: problem?.code });
  }
  return checked;
}

/** As checkDomain, for who pressed the button: what is wrong is thrown. */
export async function verifyDomain(
  ctx: Context,
  domain: Domain,
  signal: AbortSignal,
): Promise<Domain> {
  const checked = await checkDomain(ctx, domain, signal);
  if (checked.fault) throw new Problem(checked.fault.code, checked.fault.message);
  return checked;
}

async function findFault(
  ctx: Context,
  { host, token }: Domain,
  signal: AbortSignal,
): Promise<Problem | null> {
  const ask = {
    ...{ url: verificationUrl(ctx, host), host, limit: MAX_FILE_BYTES, signal },
    // A line of text: who drips it would hold a place among the chores, of which posts are one.
    longestMs: 2_000 * ctx.config.FETCH_TIMEOUT_SECONDS,
  };
  try {
    const found = await ctx.safeFetch.fetch(ask, ({ body }) => text(body));
    return holdsToken(found, token) ? null : otherFile();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return error.code === 'too_large' ? otherFile() : error;
  }
}

/**
 * The token and nothing else, but for the marks and line ends that editors leave. Several accounts
 * may use one host: then each has its token on a line of its own, and only tokens stand there.
 */
export function holdsToken(file: string, token: string): boolean {
  const lines = file
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim())
    .filter(Boolean);
  return lines.includes(token) && lines.every((line) => /^[A-Za-z0-9]{32}$/.test(line));
}

function otherFile(): Problem {
  return new Problem(
    'domain_not_verified',
    `The file ${VERIFICATION_FILE} is there, but it holds something else than the token. Put the token into it, and nothing else.`,
  );
}

/** Trouble on the way there says nothing about the file; an answer of the server does. */
function mayPass({ code, extras: { cause } }: Problem): boolean {
  if (code !== 'fetch_failed') return false;
  return typeof cause !== 'number' || cause >= 500 || PASSING.includes(cause);
}
