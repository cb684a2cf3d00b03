// media.fetch: sees that the source is in our storage.
import { type Hands, type Job, type Patch, Problem } from '#plugin';

/** An upload may have been removed, or its time may have ended, between acceptance and now. */
export async function fetchSource(job: Job, hands: Hands): Promise<Patch> {
  try {
    await hands.storage.size(job.source_key);
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'not_found') throw error;
    throw new Problem(
      'media_rejected',
      'The uploaded file is no longer stored. Upload it again. (rule: stored)',
    );
  }
  return {};
}
