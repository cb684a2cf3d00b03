// What the pages of deletion requests show: the list, and one request with its log and next step.
import type { Context } from '../context/context.ts';
import { previewDeletion } from '../deletion/deletion-preview.ts';
import { findDeletion } from '../deletion/store.ts';
import { capitalised } from '../http/format.ts';
import { findAccount } from './account.ts';
import { findMatchingAccounts, type MatchingAccount } from './account-matching/find.ts';
import { findLinkPath } from './proofs.ts';
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
  account_unchosen: 'Choice of the account undone',
  proof_voided: 'The choice of the account changed, so what was asked or proved is void',
  asked_by_sign_in: 'Asked for a sign-in by one-time link',
  asked_by_bio: 'Asked for a code in the bio',
  asked_by_other: 'Asked for another change',
  link_matched: 'The right account signed in by the link',
  link_did_not_match: 'Another account signed in by the link',
  verified_by_sign_in: 'The owner of the account confirmed with the second button',
  verified_by_tiktok: 'TikTok confirmed that the code is in the bio',
  verified: 'Proof confirmed',
  verified_by_first: 'A first operator confirmed the proof of the name',
  verified_by_second: 'A second operator confirmed the proof of the name',
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
  const path = findLinkPath(ctx, request);
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

/** Returns the states from the email to the answer, with the times of those that were reached. */
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
  // A refusal may come early, so the states that it skipped are left out.
  const order = end === 'refused' ? way.filter((state) => times[state]) : way;
  const here = order.indexOf(request.state);
  return order.map((state, index) => ({
    words: capitalised(stateName(state)),
    at: index <= here ? (times[state] ?? null) : null,
    is_here: index === here,
    is_reached: index <= here,
  }));
}
