// Tells a file that does not exist from one that the disk failed to read.

/**
 * Returns null if the file does not exist; every other fault is thrown, so that none passes for
 * absence.
 */
export async function unlessAbsent<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
