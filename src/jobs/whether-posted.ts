// The one place that tells a creator whether a post was made that TikTok gave no end of.
import type { JobError } from './job.ts';

const LOOK = 'It may be on your profile, so look there first.';

/**
 * Returns the error of a job that ends as failed by our fault. Only where no attempt has the mark is
 * it certain, and said, that nothing was posted.
 */
export function describeFailure(error: JobError, isDoubtful: boolean): JobError {
  if (error.code !== 'unavailable' || isDoubtful) return error;
  return { ...error, message: `${error.message} Nothing was posted. Try again later.` };
}

/** Returns the error of a job that may have been posted, whatever ended it. */
export function describeUnconfirmed(error: JobError): JobError {
  const what =
    error.code === 'creator_disconnected'
      ? 'TikTok no longer lets us ask how this post ended.'
      : 'We could not learn from TikTok how this post ended.';
  return { ...error, message: `${what} ${LOOK}` };
}

/** The error of posts whose last steps are not in this database. */
export const SINCE_LOST: JobError = {
  code: 'unavailable',
  message: `This instance was restored from a backup, or its database lost its last changes. What happened to this post since is not known. ${LOOK}`,
  tiktok: null,
};
