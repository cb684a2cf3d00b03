// media.fetch: sees that the sources of a post are in our storage.
import { type Hands, type Job, type Patch, Problem } from '#plugin';

/** An upload may have been removed, or its time may have ended, between acceptance and now. */
export async function fetchSource(job: Job, hands: Hands): Promise<Patch> {
  const sources = job.kind === 'photo' ? await hands.photos() : [job];
  for (const { source_key } of sources) {
    if (!source_key || !(await hands.storage.has(source_key))) {
      throw new Problem(
        'media_rejected',
        'The uploaded file is no longer stored. Upload it again. (rule: stored)',
      );
    }
  }
  return {};
}
