// publish.send: opens an upload at TikTok, sends the bytes, and never opens a second one that could post.
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

// TikTok's upload address lives for one hour; ten minutes less, so that none lapses in our hands.
// https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide
const URL_LIFE_MS = 50 * 60_000;
const URL_DEAD_MS = 61 * 60_000;

/** Answers `{}` once every byte is with TikTok. Safe to run again after a crash at any line. */
export async function send(job: Job, context: StepContext): Promise<Patch | Later> {
  if (job.kind === 'photo') return sendPhotos(job, context);
  const known = await context.ledger.current();
  if (known?.committed_at) return afterTheMark(job, context, known);
  if (known?.publish_id && isYoung(known, URL_LIFE_MS)) return upload(job, context, known);
  // Its last byte was never sent, so it posts nothing and lapses by itself: a new one is safe.
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

/** The file may have been removed with a rule of retention while the job waited. */
function getOutput(job: Job): string {
  if (!job.output_key) throw new Error('Expected a prepared file before sending');
  return job.output_key;
}

/**
 * An init without an answer may have been processed, but its twin never gets a byte and lapses:
 * asking again is safe, and the fault's back-off does so.
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
  // The mark is set: whether TikTok has it all is for its status to say.
  if (now?.committed_at && isAnswer(result)) return afterTheMark(job, context, now);
  if (!isAnswer(result)) throw result;
  if (result instanceof TikTokError) return failOrWait(job, result);
  await context.ledger.close(attempt, result);
  return Later.in(1_000);
}

/** TikTok answered, be it with a "no"; everything else is a fault, to be retried. */
function isAnswer(result: unknown): result is SendResult | TikTokError {
  return typeof result === 'string' || (result instanceof TikTokError && result.kind === 'refused');
}

async function sent(context: StepContext, attempt: Attempt): Promise<Patch> {
  await context.ledger.sent(attempt);
  return { publish_id: attempt.publish_id };
}

/**
 * The last byte may have been sent. Nothing is opened again unless TikTok says that it failed, or
 * that bytes are missing and the address has lapsed.
 */
async function afterTheMark(
  job: Job,
  context: StepContext,
  attempt: Attempt,
): Promise<Patch | Later> {
  const status = await context.tiktok.status(attempt.publish_id as string).catch((error) => {
    // TikTok will not say; publish.confirm goes on asking, and ends in `unconfirmed`, never in a second post.
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
  // TikTok does not say how much it has, so nothing may be opened again: its status will tell.
  if (isBehind === null) return sent(context, attempt);
  if (isYoung(attempt, URL_DEAD_MS)) return Later.in(60_000);
  await context.ledger.close(attempt, 'lapsed');
  return Later.in(1_000);
}

/** To the same publish_id, so that whatever TikTok has of it already, it is one post. */
async function finishUpload(
  job: Job,
  context: StepContext,
  attempt: Attempt,
  isBehind: boolean | null,
): Promise<Patch | Later> {
  const result = await sendChunks(job, context, attempt, getOutput(job));
  if (result === 'done') return sent(context, attempt);
  // An address that TikTok no longer knows means "ask", never "open again".
  return isBehind === null ? sent(context, attempt) : Later.in(60_000);
}

function isYoung(attempt: Attempt, lifeMs: number): boolean {
  return attempt.opened_at !== null && Date.now() - attempt.opened_at.getTime() < lifeMs;
}

/** A definite no from TikTok, or our own Problem that the connection is gone. */
function isRefused(error: unknown): boolean {
  return error instanceof Problem || (error instanceof TikTokError && error.kind === 'refused');
}
