// A quick look at an upload before it is accepted: is it a video at all?
import { type Inspection, Problem } from '#plugin';
import { planFor, rejected } from './plan.ts';
import { factsOf, look } from './prepare.ts';
import type { Probe } from './probe.ts';

export async function inspect(
  path: string,
  { signal }: { signal: AbortSignal },
): Promise<Inspection> {
  const found = await look(path, signal);
  if (!found.video) throw rejected('There is no moving picture in this file.', 'is_video');
  return { ...typeOf(found), facts: factsOf(found, null, foresee(found)) };
}

/** What will be changed, or why it will be refused: told before anything is posted. */
function foresee(found: Probe): string[] {
  try {
    return planFor(found).changes;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return [`It cannot be posted: ${error.message}`];
  }
}

/** By what the container really is, not by name or header. */
function typeOf({ container, brand, video, audio }: Probe): {
  content_type: string;
  extension: string;
} {
  const names = container.split(',');
  if (names.includes('mp4')) {
    return brand.trim() === 'qt'
      ? { content_type: 'video/quicktime', extension: '.mov' }
      : { content_type: 'video/mp4', extension: '.mp4' };
  }
  // ffprobe calls WebM and Matroska alike; the codecs tell.
  const is_webm =
    names.includes('webm') &&
    /^(vp8|vp9|av1)$/.test(video?.codec ?? '') &&
    audio.every(({ codec }) => codec === 'opus' || codec === 'vorbis');
  if (is_webm) return { content_type: 'video/webm', extension: '.webm' };
  return { content_type: `video/x-${names[0]}`, extension: `.${names[0]}` };
}
