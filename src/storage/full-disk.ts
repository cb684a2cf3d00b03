// Turns the error of a full disk into a Problem.
import { Problem } from '../base/errors.ts';

/**
 * Returns a Problem `storage_full` for a full disk or an exhausted quota, and any other error as it
 * is.
 */
export function fullDisk(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException)?.code;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return new Problem('storage_full', 'The disk is full. Nothing that was stored before is lost.', {
    cause: error,
  });
}
