// What to do about TikTok's "no": fail with its reason, or ask again when that makes sense.
import { type Job, Later, type Patch, Problem, refusalOf, TikTokError } from '#plugin';

const HOUR_MS = 3600_000;
const PATIENCE_MS = 25 * HOUR_MS;

/** A refusal that was told in an answer's body rather than thrown. */
export function refused(code: string): TikTokError {
  return new TikTokError({ kind: 'refused', code });
}

/**
 * Before anything was sent: a definite refusal becomes a Problem (thrown) or a Later; what is no
 * refusal is thrown as it is.
 */
export function failOrWait(job: Job, error: unknown): Later {
  if (!(error instanceof TikTokError) || error.kind !== 'refused') throw error;
  const { act } = refusalOf(error.code);
  if (act === 'wait_minute') return Later.in(62_000 + Math.random() * 3_000, 'rate_limited');
  const has_patience = Date.now() - job.send_at.getTime() < PATIENCE_MS;
  if (act === 'wait_day' && has_patience) return Later.in(HOUR_MS, 'waiting');
  if (act === 'retry' && has_patience) return Later.in(30_000);
  throw problemOf(error);
}

/** After TikTok said FAILED, so that nothing was posted: once more where that helps, else the end. */
export function afterFailure(reason: string | null): Patch {
  const code = reason ?? 'internal';
  if (refusalOf(code).act === 'retry') return { state: 'ready', attempt_outcome: code };
  const { code: our_code, message, extras } = problemOf(refused(code));
  const tiktok = extras.tiktok ? { code: extras.tiktok.code, log_id: extras.tiktok.log_id } : null;
  return { state: 'failed', attempt_outcome: code, error: { code: our_code, message, tiktok } };
}

function problemOf(error: TikTokError): Problem {
  const { code, sentence } = refusalOf(error.code);
  const tiktok = { code: error.code, message: error.tiktok_message ?? '', log_id: error.log_id };
  return new Problem(code, sentence, { tiktok });
}
