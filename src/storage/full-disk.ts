// Tells a full disk from every other fault of writing.
import { Problem } from '../base/errors.ts';

export function fullDisk(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException)?.code;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return new Problem('storage_full', 'The disk is full. Nothing that was stored before is lost.', {
    cause: error,
  });
}
