// What the desk's pages show: the table of requests, and one request with its log and its next act.
import type { Context } from '../context/context.ts';
import { previewDeletion } from '../deletion/deletion-preview.ts';
import { findDeletion } from '../deletion/store.ts';
import { capitalised } from '../http/format.ts';
import { findAccount } from './account.ts';
import { findMatchingAccounts, type MatchingAccount } from './account-matching/find.ts';
import { linkPath } from './proofs.ts';
import { REASONS, writeReply } from './replies.ts';
import { isNameFresh, judgeUrgency, mayExecute, stateName, UNDECIDED } from './rules.ts';
import {
  type DeletionRequest,
  listClosed,
  listOpen,
  listRequestEvents,
  type RequestEvent,
  type State,
  TERM_DAYS,
} from './store.ts';

const SIGNS: Record<State, { sign: string; colour: string }> = {
  received: { sign: '○', colour: 'scheduled' },
  identity_asked: { sign: '?', colour: 'scheduled' },
  verified: { sign: '◆', colour: 'running' },
  deleting: { sign: '━', colour: 'running' },
  done: { sign: '✓', colour: 'finished' },
  refused: { sign: '⊘', colour: 'cancelled' },
};

const EVENTS: Record<string, string> = {
  entered: 'Entered',
  account_chosen: 'Account chosen',
  account_unchosen: 'Account taken back',
  proof_voided: 'What was asked or proved is void: the choice of the account was changed',
  asked_by_sign_in: 'One-time link made',
  asked_by_bio: 'Code for the bio made',
  asked_by_other: 'Another change asked for',
  link_matched: 'Signed in with TikTok by the link: the right account',
  link_did_not_match: 'Signed in with TikTok by the link: no match',
  verified_by_sign_in: 'Confirmed with the second button, by the account’s owner',
  verified_by_tiktok: 'TikTok tells that the code is in the bio',
  verified: 'Proof confirmed',
  verified_by_first: 'Proof of the name confirmed, by a first operator',
  verified_by_second: 'Proof of the name confirmed, by a second operator',
  execution_begun: 'Deletion begun',
  deleting: 'The account is being deleted by another way',
  account_gone: 'The account was deleted by another way',
  done: 'Everything is deleted',
  refused: 'Refused',
};

function toRow(request: DeletionRequest) {
  const { daysLeft, level, daysWords } = judgeUrgency(request);
  return {
    ...{ request, daysLeft, level, daysWords },
    bar: Math.min(TERM_DAYS, Math.max(0, daysLeft)),
    state_words: capitalised(stateName(request.state)),
    ...SIGNS[request.state],
  };
}

export async function listView(ctx: Context) {
  const [open, closed] = await Promise.all([listOpen(ctx.db), listClosed(ctx.db)]);
  return {
    open: open.map(toRow),
    closed: closed.map(toRow),
    term: TERM_DAYS,
    kept: ctx.config.REQUEST_RETENTION_DAYS,
  };
}

export async function requestView(ctx: Context, request: DeletionRequest) {
  const isUndecided = UNDECIDED.includes(request.state);
  const account = await findAccount(ctx.db, request);
  const events = await listRequestEvents(ctx.db, request.id);
  const path = linkPath(ctx, request);
  const link = path && ctx.config.PUBLIC_URL + path;
  const receipt = await findReceiptUrl(ctx, request);
  return {
    ...toRow(request),
    is_undecided: isUndecided,
    account: account ?? null,
    is_name_fresh: isNameFresh(account?.name_confirmed_at ?? null),
    matches: isUndecided ? await findMatchingAccounts(ctx, request) : ([] as MatchingAccount[]),
    preview: account && isUndecided ? await previewDeletion(ctx, account) : null,
    may_execute: mayExecute(request),
    link,
    receipt,
    reasons: REASONS,
    reply: writeReply(ctx, request, { link, receipt }),
    log: events.map(toLine),
    steps: listRequestSteps(request, events),
  };
}

async function findReceiptUrl(
  ctx: Context,
  { deletion_id }: DeletionRequest,
): Promise<string | null> {
  const deletion = deletion_id ? await findDeletion(ctx.db, deletion_id) : undefined;
  return deletion ? `${ctx.config.PUBLIC_URL}/deletions/${deletion.receipt_token}` : null;
}

function toLine({ at, name, operator_email, note }: RequestEvent) {
  return { at, text: EVENTS[name] ?? name.replaceAll('_', ' '), who: operator_email, note };
}

/** The way from the email to the answer: what was reached has its time. */
function listRequestSteps(request: DeletionRequest, events: RequestEvent[]) {
  const last = (...names: string[]) =>
    events.findLast(({ name }) => names.some((each) => name.startsWith(each)))?.at ?? null;
  const end: State = request.state === 'refused' ? 'refused' : 'done';
  const times: Partial<Record<State, Date | null>> = {
    received: request.received_at,
    identity_asked: last('asked_by_'),
    verified: request.verified_at,
    deleting: last('execution_begun', 'deleting'),
    [end]: request.closed_at,
  };
  const way: State[] = ['received', 'identity_asked', 'verified', 'deleting', end];
  // A refusal may come at any point of the way: what was left out by it was not reached.
  const order = end === 'refused' ? way.filter((state) => times[state]) : way;
  const here = order.indexOf(request.state);
  return order.map((state, index) => ({
    words: capitalised(stateName(state)),
    at: index <= here ? (times[state] ?? null) : null,
    is_here: index === here,
    is_reached: index <= here,
  }));
}
