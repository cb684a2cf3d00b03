// Tells a fault of a file from the loss of our copy of it.
import { existsSync } from 'node:fs';
import { Problem } from '#plugin';

/**
 * Returns what `work` finds out about the working file at `path`. A process that was stopped for so
 * long that others took it for dead has lost its working files; what cannot be read then says nothing
 * about the creator's file.
 *
 * @throws Problem `unavailable` in place of `media_rejected` when the working file is gone; else
 *   whatever `work` throws.
 */
export async function judgeWorkingFile<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const isBlamed = error instanceof Problem && error.code === 'media_rejected';
    if (!isBlamed || existsSync(path)) throw error;
    throw new Problem(
      'unavailable',
      'The server lost its copy of the file while it looked at it. Nothing is wrong with the file; try again.',
    );
  }
}
