// Checks a domain's verification file, and reports what is wrong with it.
import { text } from 'node:stream/consumers';
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { type Domain, recordFault, recordFound } from './store.ts';

export const VERIFICATION_FILE = '/pm3k-verify.txt';
const MAX_FILE_BYTES = 4_096;
/** Statuses by which a server says "not now" rather than "not here". */
const PASSING = [408, 425, 429];

/** Returns the file's address. A closed test network has no certificates, so it uses http. */
export function verificationUrl(ctx: Context, host: string): string {
  const scheme = ctx.config.FETCH_ALLOW_PRIVATE_NETWORKS ? 'http' : 'https';
  return `${scheme}://${host}${VERIFICATION_FILE}`;
}

/**
 * Checks the file now and stores the result. In the domain that it returns, `fault` is what is
 * wrong and `verified_at` is null if the domain may not be used.
 * @throws Problem `not_found` if the domain was removed in the meantime.
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

/** As `checkDomain`, but throws what is wrong as a Problem, for the API. */
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
    // The file is one line. A server that sends it slowly must not occupy a worker for long.
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
 * Returns true if the file holds the token and nothing else, apart from a byte order mark and line
 * ends that editors add. If several accounts use one host, the file has one token on each line.
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
    `The file ${VERIFICATION_FILE} exists, but it holds something else than the token. Put the token into it, and nothing else.`,
  );
}

/**
 * Returns true for faults that say nothing about the file, such as a timeout or a status of 500.
 */
function mayPass({ code, extras: { cause } }: Problem): boolean {
  if (code !== 'fetch_failed') return false;
  return typeof cause !== 'number' || cause >= 500 || PASSING.includes(cause);
}
