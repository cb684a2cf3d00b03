// publish.send for photos: TikTok downloads them from URLs that exist for this attempt alone.
import {
  type Attempt,
  type Job,
  Later,
  type Patch,
  Problem,
  type StepContext,
  TikTokError,
} from '#plugin';
import { failOrWait, MAX_ATTEMPTS } from './retry-policy.ts';
import { assertStillAllowed } from './still-allowed.ts';

const MINUTE_MS = 60_000;
/** TikTok stops downloading after an hour, and then says at once how the post ended. */
const WEBHOOK_WAIT_MS = 120 * MINUTE_MS;

/**
 * Returns `{publish_id}` once TikTok has taken the post. It can run again after a crash at any
 * line. When init got no answer, the requests for the photos' URLs show whether TikTok took the
 * post.
 *
 * @throws Problem when TikTok refuses for good, or after MAX_ATTEMPTS.
 */
export async function sendPhotos(job: Job, context: StepContext): Promise<Patch | Later> {
  const known = await context.ledger.current();
  if (known?.publish_id) return { publish_id: known.publish_id };
  if (!known?.committed_at) return post(job, context, known);
  // Init got no answer. If no photo was fetched, nothing was posted, and once the URLs are
  // withdrawn nothing can be.
  if (await context.ledger.withdraw(known)) return post(job, context, null);
  return waitForPublishId(context, known);
}

async function post(
  job: Job,
  context: StepContext,
  intended: Attempt | null,
): Promise<Patch | Later> {
  if (!intended && (await context.ledger.count()) >= MAX_ATTEMPTS) {
    throw new Problem(
      'tiktok_refused',
      `TikTok did not take the photos in ${MAX_ATTEMPTS} attempts. Nothing was posted; try again later.`,
    );
  }
  const files = await listFiles(context);
  await assertStillAllowed(job, context);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const attempt = intended ?? (await context.ledger.intend(bytes));
  context.checkpoint();
  const publishId = await open(job, context, attempt, files);
  if (publishId instanceof Later) return publishId;
  await context.ledger.answered(attempt, publishId);
  return { publish_id: publishId };
}

/**
 * Calls init. When no answer comes, it throws, and the next run checks whether photos were fetched.
 */
async function open(
  job: Job,
  context: StepContext,
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
        photoImages ??= await context.ledger.mark(attempt, files);
        return photoImages;
      },
    );
  } catch (error) {
    if (photoImages && isDefinite(error)) await context.ledger.refused(attempt, nameOutcome(error));
    return failOrWait(job, error);
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
async function waitForPublishId(context: StepContext, attempt: Attempt): Promise<Patch | Later> {
  const { told_publish_id, unanswered_at } = await context.ledger.unanswered(attempt);
  if (told_publish_id) {
    await context.ledger.answered(attempt, told_publish_id);
    return { publish_id: told_publish_id };
  }
  if (Date.now() - unanswered_at.getTime() > WEBHOOK_WAIT_MS) return { state: 'unconfirmed' };
  return Later.in(MINUTE_MS);
}
