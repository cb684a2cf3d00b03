// publish.send for photos: TikTok pulls them from addresses that belong to one attempt alone.
import {
  type Attempt,
  type Job,
  Later,
  type Patch,
  type PhotoAttempts,
  Problem,
  type StepContext,
  TikTokError,
} from '#plugin';
import { resumeEarlier } from './earlier.ts';
import { failOrWait, MAX_ATTEMPTS } from './retry-policy.ts';
import { assertStillAllowed } from './still-allowed.ts';

const MINUTE_MS = 60_000;
/** TikTok stops downloading after an hour, and then says at once how the post ended. */
const WEBHOOK_WAIT_MS = 120 * MINUTE_MS;

/** One run that sends photos. */
export interface SendingPhotos {
  job: Job;
  context: StepContext;
  attempts: PhotoAttempts;
}

/** Answers `{publish_id}` once TikTok has taken the post. Safe to run again after a crash at any line. */
export async function sendPhotos(sending: SendingPhotos): Promise<Patch | Later> {
  const { attempts } = sending;
  const known = await attempts.current();
  if (known?.publish_id) return { publish_id: known.publish_id };
  if (!known?.committed_at) return post(sending, known);
  // Init has no answer. Where nobody came for a photo, nothing can have been posted, and never will.
  if (await attempts.withdraw()) return post(sending, null);
  return waitForWord(sending, known);
}

async function post(sending: SendingPhotos, intended: Attempt | null): Promise<Patch | Later> {
  const { job, context, attempts } = sending;
  const resumed = await resumeEarlier(context);
  if (resumed) return resumed;
  if (!intended && (await attempts.count()) >= MAX_ATTEMPTS) {
    throw new Problem(
      'tiktok_refused',
      `TikTok did not take the photos in ${MAX_ATTEMPTS} attempts. Try again later.`,
    );
  }
  const files = await listFiles(context);
  await assertStillAllowed(job, context);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const attempt = intended ?? (await attempts.intend(bytes));
  context.checkpoint();
  const publishId = await open(sending, attempt, files);
  if (publishId instanceof Later) return publishId;
  await attempts.answered(attempt, publishId);
  return { publish_id: publishId };
}

/**
 * Calls init. When no answer comes, it throws, and the next run checks whether photos were fetched.
 */
async function open(
  { job, context, attempts }: SendingPhotos,
  attempt: Attempt,
  files: Awaited<ReturnType<typeof listFiles>>,
): Promise<string | Later> {
  const words = { title: job.title, description: job.description ?? '' };
  const { destination, settings } = job;
  const photoCoverIndex = job.photo_cover_index ?? 0;
  let photoImages: string[] | undefined;
  try {
    return await context.tiktok.initPhotos(
      { ...words, destination, settings, photo_cover_index: photoCoverIndex },
      async () => {
        photoImages ??= await attempts.mark(attempt, files);
        return photoImages;
      },
    );
  } catch (error) {
    if (photoImages && isDefinite(error)) await attempts.refused(nameOutcome(error));
    return failOrWait(context, error);
  }
}

async function listFiles(context: StepContext) {
  const photos = await context.photos();
  return Promise.all(
    photos.map(async ({ position, output_key, output_type }) => {
      if (!output_key || !output_type) throw new Error('Expected prepared photos before sending');
      const bytes = await context.storage.size(output_key);
      return { position, storage_key: output_key, content_type: output_type, bytes };
    }),
  );
}

/**
 * True when TikTok refused, or we stopped before we asked again: either way it has taken nothing.
 */
function isDefinite(error: unknown): boolean {
  const isRefused = error instanceof TikTokError && error.kind === 'refused';
  return isRefused || error instanceof Later || error instanceof Problem;
}

function nameOutcome(error: unknown): string {
  return error instanceof TikTokError || error instanceof Problem ? error.code : 'rate_limited';
}

/**
 * Photos were fetched, so they may be posted, and nothing is sent again. TikTok's webhook names the
 * publish_id, where webhooks reach us. Without one the job ends as unconfirmed, and the creator
 * says whether it was posted.
 */
async function waitForWord(
  { context, attempts }: SendingPhotos,
  attempt: Attempt,
): Promise<Patch | Later> {
  const { told_publish_id, unanswered_at } = await attempts.unanswered(attempt);
  if (told_publish_id) {
    await attempts.answered(attempt, told_publish_id);
    return { publish_id: told_publish_id };
  }
  if (context.now().getTime() - unanswered_at.getTime() > WEBHOOK_WAIT_MS)
    return { state: 'unconfirmed' };
  return Later.in(context.timing.tiktokWordMs);
}
