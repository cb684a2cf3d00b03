// Orders faults at the sandbox by chance, spread over the storm, and ends the posts that hang there.
import { finish } from '../tiktok-sandbox/processing.ts';
import type { Fault, State } from '../tiktok-sandbox/state.ts';
import type { Chance } from './chance.ts';
import { pause } from './pause.ts';

const AROUND = ['http_500', 'http_429', 'html_502', 'answer_lost', 'answer_late', 'slow'];
const PATIENCE = ['token_revoked', 'refuse:internal_error', 'refuse:rate_limit_exceeded'];

/**
 * Endpoint → the faults after which a post must still be made. Not among them: an answer of
 * oauth/token that is lost, since TikTok then has tokens that nobody knows; and refusals for a day.
 */
const PASSING: Record<string, string[]> = {
  creator_info: [...AROUND, ...PATIENCE],
  'video/init': [...AROUND, ...PATIENCE],
  'inbox/init': [...AROUND, ...PATIENCE],
  'content/init': [...AROUND, ...PATIENCE],
  'status/fetch': [...AROUND, ...PATIENCE],
  upload: ['http_500', 'html_502', 'answer_lost', 'cut_keep', 'cut_drop', 'slow', 'url_expired'],
  'oauth/token': ['http_500', 'html_502', 'slow'],
  'oauth/revoke': ['http_500', 'html_502', 'slow', 'answer_lost'],
  processing: ['stuck', 'fail:internal', 'fail:photo_pull_failed'],
};
/** By share of the faults; calls of every post come more often than those of a few. */
const ENDPOINTS = [
  ...['creator_info', 'video/init', 'video/init', 'inbox/init', 'content/init', 'content/init'],
  ...['status/fetch', 'status/fetch', 'status/fetch', 'upload', 'upload', 'upload', 'upload'],
  ...['oauth/token', 'oauth/revoke', 'processing', 'processing'],
];
/** The end of a post, with the account that is expected to lose it. */
const FINAL: Omit<Fault, 'count'>[] = [
  { endpoint: 'processing', kind: 'fail:file_format_check_failed' },
  { endpoint: 'video/init', kind: 'refuse:spam_risk_text' },
  { endpoint: 'content/init', kind: 'refuse:spam_risk' },
  { endpoint: 'creator_info', kind: 'refuse:spam_risk_user_banned_from_posting' },
];
const FINAL_SHARE = 0.04;
const STUCK_MS = 6_000;

/** `doomed`: the open ids of the accounts whose posts may be refused for good. */
export function planFaults(count: number, chance: Chance, doomed: string[]): Fault[] {
  return Array.from({ length: count }, () => {
    if (doomed.length > 0 && chance.hits(FINAL_SHARE)) {
      return { ...chance.pick(FINAL), count: 1, open_id: chance.pick(doomed) };
    }
    const endpoint = chance.pick(ENDPOINTS);
    return { endpoint, kind: chance.pick(PASSING[endpoint] ?? []), count: 1 };
  });
}

/** Orders them evenly over `durationMs`. */
export async function orderFaults(
  state: State,
  faults: Fault[],
  { durationMs, signal }: { durationMs: number; signal: AbortSignal },
): Promise<void> {
  for (const fault of faults) {
    if (signal.aborted) return;
    state.faults.push(fault);
    await pause(durationMs / faults.length, signal);
  }
}

/** TikTok gets round to the posts that hung. */
export function finishStuck(state: State): void {
  const stuck = state.publishes.filter(
    (each) =>
      each.sent_at !== null && each.finished_at === null && Date.now() - each.sent_at > STUCK_MS,
  );
  for (const publish of stuck) finish(state, publish, null);
}
