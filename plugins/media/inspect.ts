// A quick look at an upload before it is accepted: is it a video or a photo at all?
import { type Inspection, Problem } from '#plugin';
import { chooseContentType } from './content-type.ts';
import { inspectPhoto } from './photos/inspect.ts';
import { planFor, rejected } from './plan.ts';
import { look, toFacts } from './prepare.ts';
import type { Probe } from './probe.ts';

export async function inspect(
  path: string,
  { signal }: { signal: AbortSignal },
): Promise<Inspection> {
  const photo = await inspectPhoto(path, signal);
  if (photo) return photo;
  const found = await look(path, signal);
  if (!found.video) throw rejected('There is no moving picture in this file.', 'is_video');
  return { ...chooseContentType(found), facts: toFacts(found, null, foresee(found)) };
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
