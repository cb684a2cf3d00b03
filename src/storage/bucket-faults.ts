// Retries requests to a bucket, and turns its server's errors into Problems.
import { setTimeout as sleep } from 'node:timers/promises';
import { S3Errors } from '@bradenmacdonald/s3-lite-client';
import { Problem } from '../base/errors.ts';

const TRIES = 4;
const FIRST_WAIT_MS = 200;

/**
 * Does the work up to four times while it fails by a network fault, a 5xx or "slow down", which may
 * pass within a second.
 *
 * @throws Problem `not_found`, `storage_full`, or `unavailable` with the server's code
 */
export async function retry<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      const status = error instanceof S3Errors.ServerError ? error.statusCode : undefined;
      const mayPass = status === undefined || status === 429 || (status >= 500 && status < 507);
      if (!mayPass || status === 501 || tries === TRIES) throw toProblem(error);
      await sleep(FIRST_WAIT_MS * 2 ** (tries - 1));
    }
  }
}

function toProblem(cause: unknown): Problem {
  const { statusCode, code } = (cause ?? {}) as { statusCode?: number; code?: string };
  if (statusCode === 404 && code !== 'NoSuchBucket') {
    return new Problem('not_found', 'There is no such file.', { cause });
  }
  if (statusCode === 507 || /quota|insufficient|storagefull/i.test(code ?? '')) {
    return new Problem(
      'storage_full',
      'The storage is full. Nothing that was stored before is lost.',
      { cause },
    );
  }
  return bucketRefused(code ? `answers ${code}` : 'does not answer', cause);
}

/** Returns the Problem `unavailable`; `what` goes on after "The storage". */
export function bucketRefused(what: string, cause?: unknown): Problem {
  return new Problem('unavailable', `The storage ${what}. Try again in a minute.`, { cause });
}

/** Returns the server's own status and code behind a Problem; empty when there are none. */
export function findCause(error: unknown): { statusCode?: number; code?: string } {
  return ((error as Error | undefined)?.cause ?? {}) as { statusCode?: number; code?: string };
}

/** True when the server said that there is no such object. */
export function isAbsent(error: unknown): boolean {
  return error instanceof Problem && error.code === 'not_found';
}
