// Decides what may happen to a deletion request and when; without SQL.
import { addToNow, databaseNow, measureSince } from '../base/database-time.ts';
import { invalid, Problem } from '../base/errors.ts';
import { DAY_MS } from '../base/time.ts';
import { type DeletionRequest, type State, TERM_DAYS } from './store.ts';

const AMBER_DAYS = 7;
/** For how many days we take a name that TikTok confirmed for the same person's. */
export const NAME_DAYS = 7;

/** The states in which an operator can still decide. */
export const UNDECIDED: State[] = ['received', 'identity_asked', 'verified'];

/** Returns the whole days until the term ends: 0 on the first day after it, then negative. */
function countDaysLeft({ received_at }: Pick<DeletionRequest, 'received_at'>): number {
  return Math.ceil(-measureSince(received_at) / DAY_MS) + TERM_DAYS;
}

/** Returns how urgent an answer is, for every page that shows it. */
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

/** Whether the request is verified and, where only the name was proved, the wait is over. */
export function mayExecute(request: DeletionRequest): boolean {
  const { state, creator_id, needs_second_operator, execute_after } = request;
  const hasWaited = execute_after !== null && execute_after <= databaseNow();
  return state === 'verified' && creator_id !== null && (!needs_second_operator || hasWaited);
}

/** Whether TikTok has confirmed the name lately. Names change hands; an account's open_id does not. */
export function isNameFresh(nameConfirmedAt: Date | null): boolean {
  return nameConfirmedAt !== null && measureSince(nameConfirmedAt) < NAME_DAYS * DAY_MS;
}

/** Returns when a proof of a name alone may be acted on without a second operator. */
export function afterTheWait(): Date {
  return addToNow(NAME_DAYS * DAY_MS);
}

/** @throws Problem `state_conflict`. Scripts give null, and act on the request as it is. */
export function assertVersion(request: DeletionRequest, version: number | null): void {
  if (version === null || version === request.version) return;
  throw new Problem(
    'state_conflict',
    'Another operator or the person changed this request after you opened it. Nothing of yours was saved. This page shows the request as it is now. Please decide again.',
  );
}

/** @throws Problem `state_conflict`. */
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

/**
 * Returns the reason of a refusal without names, addresses and links, since it is kept after the
 * person's words are gone.
 * @throws Problem `invalid_request` for an empty reason or one of more than 500 characters.
 */
export function readReason(text: string, names: (string | null)[]): string {
  const reason = text.replaceAll('\0', '').trim();
  if (!reason) throw invalid('/reason', 'Write why you refuse the request. The reason is kept.');
  if (reason.length > 500) throw invalid('/reason', 'Keep the reason below 500 characters.');
  const plain = reason.replaceAll(/https?:\/\/\S+|\S*@\S+/gi, '…');
  return names.reduce<string>((left, name) => (name ? without(left, name) : left), plain);
}

/** Removes the name only where it stands as a word, since a short name is part of many words. */
function without(text: string, name: string): string {
  const literal = name.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  return text.replaceAll(
    new RegExp(`(?<![\\p{L}\\p{N}_.])${literal}(?![\\p{L}\\p{N}_])`, 'giu'),
    '…',
  );
}
