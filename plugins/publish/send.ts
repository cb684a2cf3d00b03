// publish.send: opens an upload at TikTok and sends the bytes; no second upload ever posts.
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
import { getOutput, type Sending, type SendResult, sendChunks } from './chunks.ts';
import { resumeEarlier } from './earlier.ts';
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
  const { attempts } = context;
  if (attempts.kind === 'photo') return sendPhotos({ job, context, attempts });
  const sending = { job, context, attempts };
  const known = await attempts.current();
  if (known?.committed_at) return afterTheMark(sending, known);
  if (known?.publish_id && isYoung(context, known, URL_LIFE_MS)) return upload(sending, known);
  // Its last byte was never sent, so it posts nothing and lapses by itself: a new one is safe.
  if (known?.publish_id) await attempts.close({ outcome: 'lapsed' });
  const waiting = known && !known.publish_id ? known : null;
  return openAndUpload(sending, waiting);
}

async function openAndUpload(sending: Sending, intended: Attempt | null): Promise<Patch | Later> {
  const { job, context, attempts } = sending;
  const resumed = await resumeEarlier(context);
  if (resumed) return resumed;
  if (!intended && (await attempts.count()) >= MAX_ATTEMPTS) {
    throw new Problem(
      'tiktok_refused',
      `TikTok did not take the video in ${MAX_ATTEMPTS} attempts. Try again later.`,
    );
  }
  const bytes = await context.storage.size(getOutput(job));
  await assertStillAllowed(job, context);
  const plan = chunkPlan(bytes);
  const attempt = intended ?? (await attempts.intend(bytes));
  const opening = await openAtTikTok(sending, bytes, plan);
  if (opening instanceof Later) return opening;
  const opened = await attempts.open(attempt, {
    ...opening,
    chunk_bytes: plan.chunk_size,
    chunk_count: plan.chunk_count,
  });
  return upload(sending, opened);
}

/**
 * Calls init. Without an answer it throws, and the next run calls init again. That is safe: if
 * TikTok did open an upload, it gets no byte and expires.
 */
async function openAtTikTok(
  { job, context }: Sending,
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
    return failOrWait(context, error);
  }
}

async function upload(sending: Sending, attempt: Attempt): Promise<Patch | Later> {
  const { context, attempts } = sending;
  const result = await sendChunks(sending, attempt).catch((error) => error);
  if (result === 'done') return sent(sending, attempt);
  const now = await attempts.current();
  // The mark is set: whether TikTok has it all is for its status to say.
  if (now?.committed_at && isAnswer(result)) return afterTheMark(sending, now);
  if (!isAnswer(result)) throw result;
  if (result instanceof TikTokError) return failOrWait(context, result);
  await attempts.close({ outcome: result });
  return Later.in(context.timing.reopenMs);
}

/** True when TikTok answered or refused; anything else is a fault, and is tried again. */
function isAnswer(result: unknown): result is SendResult | TikTokError {
  return typeof result === 'string' || (result instanceof TikTokError && result.kind === 'refused');
}

async function sent({ attempts }: Sending, attempt: Attempt): Promise<Patch> {
  await attempts.sent(attempt);
  return { publish_id: attempt.publish_id };
}

/**
 * Goes on once the last byte may have been sent. A new upload is opened only if TikTok says that
 * the post failed, or that bytes are missing and the address has expired.
 */
async function afterTheMark(sending: Sending, attempt: Attempt): Promise<Patch | Later> {
  const { context } = sending;
  const status = await context.tiktok.status(attempt.publish_id as string).catch((error) => {
    // publish.confirm goes on asking, and at worst ends as `unconfirmed`, never in a second post.
    if (isRefused(error)) return null;
    throw error;
  });
  if (!status) return { publish_id: attempt.publish_id };
  if (status.status === 'FAILED') return afterFailure(status.fail_reason, context);
  const isBehind = status.uploaded_bytes === null ? null : status.uploaded_bytes < attempt.bytes;
  if (status.status !== 'PROCESSING_UPLOAD' || isBehind === false) return sent(sending, attempt);
  // The address was unknown, as that of a complete upload is, and the count of bytes may lag.
  if (attempt.answered_404_at) return sent(sending, attempt);
  if (isYoung(context, attempt, URL_LIFE_MS)) return finishUpload(sending, attempt, isBehind);
  // TikTok does not say how much it has, so nothing may be opened again: its status will tell.
  if (isBehind === null) return sent(sending, attempt);
  if (isYoung(context, attempt, URL_DEAD_MS)) return Later.in(context.timing.tiktokWordMs);
  // The count alone proves nothing: the address must say itself that it has expired.
  return finishUpload(sending, attempt, isBehind);
}

/**
 * Sends the rest to the same publish_id, so that there is one post, whatever TikTok already has.
 */
async function finishUpload(
  sending: Sending,
  attempt: Attempt,
  isBehind: boolean | null,
): Promise<Patch | Later> {
  const result = await sendChunks(sending, attempt);
  const { context, attempts } = sending;
  // An address that TikTok no longer knows means "ask", never "open again".
  if (result !== 'lapsed' || isBehind === null) return sent(sending, attempt);
  if (isYoung(context, attempt, URL_DEAD_MS)) return Later.in(context.timing.tiktokWordMs);
  await attempts.close({ outcome: 'lapsed' });
  return Later.in(context.timing.reopenMs);
}

function isYoung({ now }: StepContext, { opened_at }: Attempt, lifeMs: number): boolean {
  return opened_at !== null && now().getTime() - opened_at.getTime() < lifeMs;
}

/** True when TikTok refused, or our own Problem says that the connection is gone. */
function isRefused(error: unknown): boolean {
  return error instanceof Problem || (error instanceof TikTokError && error.kind === 'refused');
}
