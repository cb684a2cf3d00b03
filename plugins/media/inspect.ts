// Inspects an upload before it is accepted: is it a video or a photo, and what will be changed?
import { type Inspection, Problem } from '#plugin';
import { chooseContentType } from './content-type.ts';
import { inspectPhoto } from './photos/inspect.ts';
import { planFor, rejected } from './plan.ts';
import type { Probe } from './probe.ts';
import { probeVideo, toFacts } from './probe-video.ts';
import { judgeWorkingFile } from './working-file.ts';

/**
 * Returns the type, the extension and the facts of a video or photo.
 *
 * @throws Problem `media_rejected` when the file is neither, or is damaged; `unavailable` when the
 *   working file is gone.
 */
export function inspect(path: string, { signal }: { signal: AbortSignal }): Promise<Inspection> {
  return judgeWorkingFile(path, inspectFile(path, signal));
}

async function inspectFile(path: string, signal: AbortSignal): Promise<Inspection> {
  const photo = await inspectPhoto(path, signal);
  if (photo) return photo;
  const found = await probeVideo(path, signal);
  if (!found.video) throw rejected('There is no moving picture in this file.', 'is_video');
  return { ...chooseContentType(found), facts: toFacts(found, null, foresee(found)) };
}

/**
 * Returns what will be changed, or why the file will be refused, so that creators learn it before
 * they post.
 */
function foresee(found: Probe): string[] {
  try {
    return planFor(found).changes;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return [`It cannot be posted: ${error.message}`];
  }
}
