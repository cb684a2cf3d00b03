// How long a job is patient that has to wait, and what the API tells of it meanwhile.
import type { Config } from '../base/config.ts';
import { DAY_MS, HOUR_MS } from '../base/time.ts';
import type { Later } from '../queue/later.ts';
import type { Job, JobError } from './job.ts';
import { WAITING, type WaitingCode } from './waiting-codes.ts';

/** A little more than the 24 hours of TikTok's caps. */
const PATIENCE_MS = 25 * HOUR_MS;

/** How long a job waits in all, from the first time that it has to. */
export function choosePatience(config: Config, code: WaitingCode): number {
  return code === 'creator_disconnected' ? config.RECONNECT_WAIT_DAYS * DAY_MS : PATIENCE_MS;
}

/** What a Later makes the job wait for; undefined for one that only asks again. */
export function findWaitingCode({ reason, details }: Later): WaitingCode | undefined {
  if (reason === undefined) return undefined;
  const code = String(details['waiting'] ?? details['code'] ?? '');
  if (isWaitingCode(code)) return code;
  return reason === 'rate_limited' ? 'tiktok_rate' : 'unavailable';
}

function isWaitingCode(code: string): code is WaitingCode {
  return code in WAITING;
}

/** Why a job failed whose patience is over. */
export function createGiveUp(later: Later, code: WaitingCode): JobError {
  const { code: errorCode, message, tiktok } = later.details as Partial<JobError>;
  if (code !== 'tiktok_rate' && errorCode && message) {
    return { code: errorCode, message, tiktok: tiktok ?? null };
  }
  return {
    code: 'rate_limited',
    message: `${WAITING[code]} It was tried for a day. Try again later.`,
    tiktok: null,
  };
}

/** The API's `waiting`: null for a job that does not stand still. */
export function toWaiting(job: Pick<Job, 'state' | 'waiting_code' | 'gives_up_at' | 'send_at'>) {
  const { waiting_code: code, gives_up_at: givesUpAt } = job;
  if (!standsStill(job) || code === null) return null;
  const end = givesUpAt?.toISOString() ?? null;
  if (code === 'creator_disconnected') {
    const message = `${WAITING[code]} Connect with TikTok again, then choose on the page /jobs/waiting what may still go out. What is not chosen is cancelled${end ? ` at ${end}` : ' in the end'}.`;
    return { code, message, next_try_at: null, gives_up_at: end };
  }
  const message = `${WAITING[code]} It goes on by itself${end ? `, and gives up at ${end}` : ''}.`;
  return { code, message, next_try_at: job.send_at.toISOString(), gives_up_at: end };
}

/** Whether it waits, and nothing of it is under way. */
export function standsStill(job: Pick<Job, 'state' | 'waiting_code'>): boolean {
  return job.waiting_code !== null && STILL.some((state) => state === job.state);
}

const STILL = ['accepted', 'fetched', 'ready'] as const;
