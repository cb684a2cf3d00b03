// publish.send: opens an upload at TikTok and sends the file, without the risk of a second post.
import {
  type Attempt,
  chunkPlan,
  type Job,
  Later,
  type Patch,
  Problem,
  type StepContext,
  TikTokError,
} from '#plugin';
import { type SendResult, sendChunks } from './chunks.ts';
import { afterFailure, failOrWait, MAX_ATTEMPTS } from './retry-policy.ts';
import { sendPhotos } from './send-photos.ts';
import { assertStillAllowed } from './still-allowed.ts';

// TikTok's upload address is valid for one hour. We use it for ten minutes less, so that it does
// not expire while we send, and take it for expired only after one minute more.
// https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide
const URL_LIFE_MS = 50 * 60_000;
const URL_DEAD_MS = 61 * 60_000;

/**
 * Returns `{publish_id}` once TikTok has every byte. It can run again after a crash at any line.
 *
 * @throws Problem when TikTok refuses for good, or after MAX_ATTEMPTS.
 */
export async function send(job: Job, context: StepContext): Promise<Patch | Later> {
  if (job.kind === 'photo') return sendPhotos(job, context);
  const known = await context.ledger.current();
  if (known?.committed_at) return afterTheMark(job, context, known);
  if (known?.publish_id && isYoung(known, URL_LIFE_MS)) return upload(job, context, known);
  // The last byte was never sent, so that upload expires without a post, and a new one is safe.
  if (known?.publish_id) await context.ledger.close(known, 'lapsed');
  const waiting = known && !known.publish_id ? known : null;
  return openAndUpload(job, context, waiting);
}

async function openAndUpload(
  job: Job,
  context: StepContext,
  intended: Attempt | null,
): Promise<Patch | Later> {
  if (!intended && (await context.ledger.count()) >= MAX_ATTEMPTS) {
    throw new Problem(
      'tiktok_refused',
      `TikTok did not take the video in ${MAX_ATTEMPTS} attempts. Nothing was posted; try again later.`,
    );
  }
  const outputKey = getOutput(job);
  // Throws `not_found` if retention removed the file while the job waited.
  const bytes = await context.storage.size(outputKey);
  await assertStillAllowed(job, context);
  const plan = chunkPlan(bytes);
  const attempt = intended ?? (await context.ledger.intend(bytes));
  const opening = await openAtTikTok(job, context, bytes, plan);
  if (opening instanceof Later) return opening;
  const opened = await context.ledger.open(attempt, {
    ...opening,
    chunk_bytes: plan.chunk_size,
    chunk_count: plan.chunk_count,
  });
  return upload(job, context, opened);
}

function getOutput(job: Job): string {
  if (!job.output_key) throw new Error('Expected a prepared file before sending');
  return job.output_key;
}

/**
 * Calls init. Without an answer it throws, and the next run calls init again. That is safe: if
 * TikTok did open an upload, it gets no byte and expires.
 */
async function openAtTikTok(
  job: Job,
  context: StepContext,
  bytes: number,
  plan: { chunk_size: number; chunk_count: number },
): Promise<{ publish_id: string; upload_url: string } | Later> {
  try {
    return job.destination === 'direct'
      ? await context.tiktok.initDirectVideo({
          title: job.title,
          settings: job.settings,
          size: bytes,
          plan,
        })
      : await context.tiktok.initInboxVideo({ size: bytes, plan });
  } catch (error) {
    return failOrWait(job, error);
  }
}

async function upload(job: Job, context: StepContext, attempt: Attempt): Promise<Patch | Later> {
  const result = await sendChunks(job, context, attempt, getOutput(job)).catch((error) => error);
  if (result === 'done') return sent(context, attempt);
  const now = await context.ledger.current();
  // The mark is set, so only TikTok's status says whether it has the whole file.
  if (now?.committed_at && isAnswer(result)) return afterTheMark(job, context, now);
  if (!isAnswer(result)) throw result;
  if (result instanceof TikTokError) return failOrWait(job, result);
  await context.ledger.close(attempt, result);
  return Later.in(1_000);
}

/** True when TikTok answered or refused; anything else is a fault, and is tried again. */
function isAnswer(result: unknown): result is SendResult | TikTokError {
  return typeof result === 'string' || (result instanceof TikTokError && result.kind === 'refused');
}

async function sent(context: StepContext, attempt: Attempt): Promise<Patch> {
  await context.ledger.sent(attempt);
  return { publish_id: attempt.publish_id };
}

/**
 * Goes on once the last byte may have been sent. A new upload is opened only if TikTok says that
 * the post failed, or that bytes are missing and the address has expired.
 */
async function afterTheMark(
  job: Job,
  context: StepContext,
  attempt: Attempt,
): Promise<Patch | Later> {
  const status = await context.tiktok.status(attempt.publish_id as string).catch((error) => {
    // publish.confirm goes on asking, and at worst ends as `unconfirmed`, never in a second post.
    if (isRefused(error)) return null;
    throw error;
  });
  if (!status) return { publish_id: attempt.publish_id };
  if (status.status === 'FAILED') {
    return afterFailure(status.fail_reason, await context.ledger.count());
  }
  const isBehind = status.uploaded_bytes === null ? null : status.uploaded_bytes < attempt.bytes;
  if (status.status !== 'PROCESSING_UPLOAD' || isBehind === false) return sent(context, attempt);
  if (isYoung(attempt, URL_LIFE_MS)) return finishUpload(job, context, attempt, isBehind);
  // TikTok does not say how much it has, so no new upload may be opened; publish.confirm goes on.
  if (isBehind === null) return sent(context, attempt);
  if (isYoung(attempt, URL_DEAD_MS)) return Later.in(60_000);
  await context.ledger.close(attempt, 'lapsed');
  return Later.in(1_000);
}

/**
 * Sends the rest to the same publish_id, so that there is one post, whatever TikTok already has.
 */
async function finishUpload(
  job: Job,
  context: StepContext,
  attempt: Attempt,
  isBehind: boolean | null,
): Promise<Patch | Later> {
  const result = await sendChunks(job, context, attempt, getOutput(job));
  if (result === 'done') return sent(context, attempt);
  // If TikTok no longer knows the address, its status is asked; no new upload is opened.
  return isBehind === null ? sent(context, attempt) : Later.in(60_000);
}

function isYoung(attempt: Attempt, lifeMs: number): boolean {
  return attempt.opened_at !== null && Date.now() - attempt.opened_at.getTime() < lifeMs;
}

/** True when TikTok refused, or our own Problem says that the connection is gone. */
function isRefused(error: unknown): boolean {
  return error instanceof Problem || (error instanceof TikTokError && error.kind === 'refused');
}
