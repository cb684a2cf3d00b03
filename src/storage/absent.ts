// Tells what is not there from what could not be looked at: nothing is concluded from a disk in trouble.

/** Null for what does not exist; whatever else went wrong is thrown. */
export async function unlessAbsent<T>(looking: Promise<T>): Promise<T | null> {
  try {
    return await looking;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
