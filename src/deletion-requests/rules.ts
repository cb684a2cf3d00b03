// What may happen to a deletion request, and when: the desk's rules, without their SQL.

import { invalid, Problem } from '../base/errors.ts';
import { DAY_MS } from '../base/time.ts';
import { type DeletionRequest, type State, TERM_DAYS } from './store.ts';

const AMBER_DAYS = 7;
/** So long a name that TikTok confirmed is taken for still being the same person's. */
export const NAME_DAYS = 7;

/** Those that an operator can still decide about. */
export const UNDECIDED: State[] = ['received', 'identity_asked', 'verified'];

/** Whole days until the term ends: 0 on the first day after it, then negative. */
function countDaysLeft({ received_at }: Pick<DeletionRequest, 'received_at'>): number {
  return Math.ceil((received_at.getTime() - Date.now()) / DAY_MS) + TERM_DAYS;
}

/** How pressing an answer is, in the words of every page that says so. */
export function judgeUrgency(request: Pick<DeletionRequest, 'received_at'>): {
  daysLeft: number;
  level: 'red' | 'amber' | 'calm';
  daysWords: string;
} {
  const daysLeft = countDaysLeft(request);
  const level = daysLeft <= 0 ? 'red' : daysLeft <= AMBER_DAYS ? 'amber' : 'calm';
  return { daysLeft, level, daysWords: daysInWords(daysLeft) };
}

function daysInWords(days: number): string {
  if (days === 0) return 'Overdue since today';
  if (days < 0) return `${-days} ${days === -1 ? 'day' : 'days'} overdue`;
  return `${days} ${days === 1 ? 'day' : 'days'} left`;
}

/** Verified, and what a proof of the name alone has to wait for is over. */
export function mayExecute(request: DeletionRequest): boolean {
  const { state, creator_id, needs_second_operator, execute_after } = request;
  const hasWaited = execute_after !== null && execute_after <= new Date();
  return state === 'verified' && creator_id !== null && (!needs_second_operator || hasWaited);
}

/** A proof of the name: names change hands, unlike what TikTok signs somebody in as. */
export function isNameFresh(nameConfirmedAt: Date | null): boolean {
  return nameConfirmedAt !== null && Date.now() - nameConfirmedAt.getTime() < NAME_DAYS * DAY_MS;
}

export function afterTheWait(): Date {
  return new Date(Date.now() + NAME_DAYS * DAY_MS);
}

/** Scripts name no version, and act on whatever is there. */
export function assertVersion(request: DeletionRequest, version: number | null): void {
  if (version === null || version === request.version) return;
  throw new Problem(
    'state_conflict',
    'This request was changed since you opened it, by another operator or by the person. Nothing of yours was saved. What you see is how it is now: look at it, and decide again.',
  );
}

export function assertState(request: DeletionRequest, allowed: State[]): void {
  if (allowed.includes(request.state)) return;
  throw new Problem(
    'state_conflict',
    `This is not possible while the request is “${stateName(request.state)}”. Nothing was changed.`,
  );
}

export function stateName(state: State): string {
  return state.replaceAll('_', ' ');
}

/** The reason outlives the person's words, so names, addresses and links are left out of it. */
export function readReason(text: string, names: (string | null)[]): string {
  const reason = text.replaceAll('\0', '').trim();
  if (!reason) throw invalid('/reason', 'Write why it is refused. The reason is kept.');
  if (reason.length > 500) throw invalid('/reason', 'Keep the reason below 500 characters.');
  const plain = reason.replaceAll(/https?:\/\/\S+|\S*@\S+/gi, '…');
  return names.reduce<string>((left, name) => (name ? without(left, name) : left), plain);
}

/** Only where it stands as a word: a short name may be a part of many. */
function without(text: string, name: string): string {
  const literal = name.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  return text.replaceAll(
    new RegExp(`(?<![\\p{L}\\p{N}_.])${literal}(?![\\p{L}\\p{N}_])`, 'giu'),
    '…',
  );
}
