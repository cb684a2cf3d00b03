// What to do about TikTok's "no": fail with its reason, or ask again when that makes sense.
import { findRefusal, Later, type Patch, Problem, type StepContext, TikTokError } from '#plugin';

const HOUR_MS = 3600_000;
/** How often a post is attempted when TikTok fails it. The job fails with the last reason. */
export const MAX_ATTEMPTS = 5;

/** Returns an error for a refusal that TikTok gave in the body of a successful answer. */
export function createRefusal(code: string): TikTokError {
  return new TikTokError({ kind: 'refused', code });
}

/**
 * Returns a Later for a refusal that may pass; the core ends a job that has waited too long. Only
 * for refusals before anything was sent.
 *
 * @throws Problem for a refusal that will not pass; `error` itself when TikTok did not refuse.
 */
export function failOrWait({ timing }: StepContext, error: unknown): Later {
  if (!(error instanceof TikTokError) || error.kind !== 'refused') throw error;
  const { act, code, sentence, waiting } = findRefusal(error.code);
  const tiktok = { code: error.code, log_id: error.logId };
  const told = { waiting, code, message: sentence, tiktok };
  if (act === 'wait_minute') {
    const waitMs = timing.tiktokMinuteMs + Math.random() * timing.minuteJitterMs;
    return Later.in(waitMs, 'rate_limited', told);
  }
  if (act === 'wait_day') return Later.in(HOUR_MS, 'waiting', told);
  if (act === 'retry') return Later.in(timing.tiktokRetryMs, 'waiting', told);
  throw toProblem(error);
}

/** After TikTok said FAILED, so that nothing was posted: once more where that helps, else the end. */
export async function afterFailure(
  reason: string | null,
  { attempts, timing, now }: StepContext,
): Promise<Patch> {
  const count = await attempts.count();
  const code = reason ?? 'internal';
  const { act, waiting: waits } = findRefusal(code);
  if (act === 'retry' && count < MAX_ATTEMPTS) {
    // TikTok's failure may pass: half a minute at first, then twice as long each time.
    const waitMs = timing.tiktokRetryMs * 2 ** Math.max(0, count - 1);
    const sendAt = new Date(now().getTime() + waitMs);
    return { state: 'ready', attempt_outcome: code, send_at: sendAt };
  }
  if (act === 'wait_day' && waits) {
    const { isOver, ...waiting } = await attempts.capped(waits);
    const sendAt = new Date(now().getTime() + 24 * HOUR_MS);
    if (!isOver) return { state: 'ready', attempt_outcome: code, send_at: sendAt, waiting };
  }
  const { code: ourCode, message, extras } = toProblem(createRefusal(code));
  const tiktok = extras.tiktok ? { code: extras.tiktok.code, log_id: extras.tiktok.log_id } : null;
  const { rule } = extras;
  return {
    state: 'failed',
    attempt_outcome: code,
    error: { code: ourCode, message, tiktok, ...(rule ? { rule } : {}) },
  };
}

function toProblem(error: TikTokError): Problem {
  const { code, sentence, rule } = findRefusal(error.code);
  const tiktok = { code: error.code, message: error.tiktokMessage ?? '', log_id: error.logId };
  return new Problem(code, sentence, { tiktok, ...(rule ? { rule } : {}) });
}
