// Finds the accounts that an email may be about, from which an operator chooses.
import type { Context } from '../../context/context.ts';
import type { DeletionRequest } from '../store.ts';
import { findClues } from './clues.ts';
import { areLookAlikes, toSkeleton } from './look-alikes.ts';
import {
  type Account,
  findHits,
  type Hit,
  listAccounts,
  listNamesLike,
  type Reason,
} from './store.ts';

export interface MatchingAccount extends Account {
  reasons: string[];
  /** Why an operator may take this account for another one. */
  warnings: string[];
  isChosen: boolean;
}

const SHOWN = 20;

/** The strongest reason first; accounts are shown in this order. */
const REASONS: [Reason, string][] = [
  ['chosen', 'Chosen for this request'],
  ['username', 'Has exactly this username'],
  ['account_id', 'The email names its account id'],
  ['open_id', 'The email names its TikTok id for this app'],
  ['job', 'The email names one of its jobs'],
  ['publish_id', 'The email names TikTok’s id of one of its uploads'],
  ['post', 'The email links or names one of its posts'],
  ['tiktok_log_id', 'The email quotes an error of one of its jobs'],
  ['time', 'Posted within a quarter of an hour of a time in the email'],
  ['nickname', 'Has this display name'],
  ['look_alike', 'Has a similar username'],
];

export async function findMatchingAccounts(
  ctx: Context,
  request: DeletionRequest,
): Promise<MatchingAccount[]> {
  const clues = findClues(request);
  const hits: Hit[] = [
    ...(await findHits(ctx.db, clues)),
    ...(await findLookAlikes(ctx, clues.names)),
  ];
  if (request.creator_id) hits.push({ creator_id: request.creator_id, reason: 'chosen' });
  const accounts = await listAccounts(ctx.db, [...new Set(hits.map((hit) => hit.creator_id))]);
  const found = accounts.map((account) => {
    const own = new Set(
      hits.filter((hit) => hit.creator_id === account.id).map((hit) => hit.reason),
    );
    return { account, rank: REASONS.findIndex(([reason]) => own.has(reason)), own };
  });
  return found
    .sort((a, b) => a.rank - b.rank || Number(a.account.created_at) - Number(b.account.created_at))
    .slice(0, SHOWN)
    .map(({ account, own }) => ({
      ...account,
      reasons: REASONS.filter(([reason]) => own.has(reason)).map(([, words]) => words),
      warnings: findWarnings(account, accounts, clues.names),
      isChosen: account.id === request.creator_id,
    }));
}

async function findLookAlikes(ctx: Context, names: string[]): Promise<Hit[]> {
  const hits: Hit[] = [];
  for (const name of names.slice(0, 5)) {
    const near = await listNamesLike(ctx.db, toSkeleton(name).length);
    for (const { id, username } of near) {
      if (areLookAlikes(name, username)) hits.push({ creator_id: id, reason: 'look_alike' });
    }
  }
  return hits;
}

function findWarnings(account: Account, all: Account[], names: string[]): string[] {
  const { username } = account;
  if (!username) return ['TikTok never told us its username. Compare by other means.'];
  const isNamed = names.some((name) => name.toLowerCase() === username.toLowerCase());
  const meant = isNamed ? undefined : names.find((name) => areLookAlikes(name, username));
  const twins = all.filter(
    (other) =>
      other.username && other.username !== meant && areLookAlikes(username, other.username),
  );
  return [
    ...(meant ? [`Looks like “${meant}” from the email, but is not the same name.`] : []),
    ...twins.map((twin) => `Easily confused with @${twin.username}, which is another account.`),
  ];
}
