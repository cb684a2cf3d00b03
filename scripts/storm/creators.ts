// The creators of a storm, connected before it begins, and what happens to each.
import { connectWithKey } from '../connect.ts';
import { createAccount } from '../tiktok-sandbox/initial-state.ts';
import type { State } from '../tiktok-sandbox/state.ts';
import type { Chance } from './chance.ts';
import type { Member } from './member.ts';

export interface StormCreator {
  id: string;
  username: string;
  openId: string;
  key: string;
  /** A word that stands in everything that this creator hands in, and nowhere else. */
  word: string;
  /** `leaving`: is deleted in the middle. `doomed`: TikTok may refuse its posts for good. */
  fate: 'stays' | 'leaving' | 'doomed';
  hasLeft: boolean;
}

const JOBS_EACH = 10;

/** For ten jobs one creator; at least one of each fate. */
export async function connectCreators(
  jobs: number,
  chance: Chance,
  { web, state }: { web: Member; state: State },
): Promise<StormCreator[]> {
  const count = Math.max(4, Math.round(jobs / JOBS_EACH));
  const fewer = Math.max(1, Math.round(count / 20));
  const creators: StormCreator[] = [];
  for (let n = 0; n < count; n += 1) {
    const fate = n < fewer ? 'leaving' : n < 2 * fewer ? 'doomed' : 'stays';
    creators.push(await connect(n, fate, chance, { web, state }));
  }
  return creators;
}

async function connect(
  n: number,
  fate: StormCreator['fate'],
  chance: Chance,
  { web, state }: { web: Member; state: State },
): Promise<StormCreator> {
  const word = `zq${chance.below(2 ** 31).toString(36)}x${n}`;
  const username = `storm_${word}`.slice(0, 24);
  const account = createAccount(username, `Person ${word}`);
  state.accounts.push(account);
  const { key, cookie, creator_id: id } = await connectWithKey(web.url, username);
  if (fate === 'leaving') await allowErasing(web.url, cookie);
  return { id, username, openId: account.open_id, key, word, fate, hasLeft: false };
}

async function allowErasing(url: string, cookie: string): Promise<void> {
  const answer = await fetch(`${url}/settings`, {
    method: 'POST',
    redirect: 'manual',
    headers: { cookie, 'sec-fetch-site': 'same-origin' },
    body: new URLSearchParams({ keys_may_export_and_erase: 'true' }),
  });
  if (answer.status !== 303) throw new Error(`Expected the settings to be saved: ${answer.status}`);
}
