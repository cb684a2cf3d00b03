// The SQL that finds accounts by what an email says; it leaves out accounts that are being deleted.
import type { Knex } from 'knex';
import type { Clues } from './clues.ts';

/** What an operator sees of an account in order to recognise it. */
export interface Account {
  id: string;
  username: string | null;
  nickname: string | null;
  created_at: Date;
  disconnected_at: Date | null;
  name_confirmed_at: Date | null;
  posts: number;
  last_post_at: Date | null;
}

/** One reason to show an account. */
export interface Hit {
  creator_id: string;
  reason: Reason;
}

export type Reason =
  | 'username'
  | 'nickname'
  | 'account_id'
  | 'open_id'
  | 'job'
  | 'publish_id'
  | 'post'
  | 'tiktok_log_id'
  | 'time'
  | 'look_alike'
  | 'chosen';

const MANY = 50;
const MINUTES = 15;

/** Returns the accounts that fit a clue exactly, up to 50 for each kind of search. */
export async function findHits(db: Knex, clues: Clues): Promise<Hit[]> {
  const { names, uuids, tokens, post_ids } = clues;
  const lower = names.map((name) => name.toLowerCase());
  const { rows } = await db.raw(
    `select id as creator_id, 'username' as reason from creators where lower(username) = any(:lower)
     union select id, 'nickname' from creators where lower(nickname) = any(:lower)
     union select id, 'account_id' from creators where id = any(cast(:uuids as uuid[]))
     union select id, 'open_id' from creators where open_id = any(:tokens)
     union select creator_id, 'job' from jobs where id = any(cast(:uuids as uuid[]))
     union select j.creator_id, 'publish_id' from publish_attempts a join jobs j on j.id = a.job_id
            where a.publish_id = any(:tokens)
     limit ${MANY}`,
    { lower, uuids, tokens },
  );
  const posts = post_ids.length + tokens.length > 0 ? await findByPosts(db, clues) : [];
  const times = await Promise.all(clues.times.map((at) => findByTime(db, at)));
  return [...rows, ...posts, ...times.flat()];
}

/** These columns have no index, so the query reads all jobs; only operators wait for it. */
async function findByPosts(db: Knex, { post_ids, tokens }: Clues): Promise<Hit[]> {
  const { rows } = await db.raw(
    `select distinct creator_id, 'post' as reason from jobs where post_ids && cast(:post_ids as text[])
     union select creator_id, 'publish_id' from jobs where publish_id = any(:tokens)
     union select creator_id, 'tiktok_log_id' from jobs
            where error #>> '{tiktok,log_id}' = any(:tokens)
     limit ${MANY}`,
    { post_ids, tokens },
  );
  return rows;
}

async function findByTime(db: Knex, at: Date): Promise<Hit[]> {
  const around = `between cast(:at as timestamptz) - interval '${MINUTES} minutes'
    and cast(:at as timestamptz) + interval '${MINUTES} minutes'`;
  const { rows } = await db.raw(
    `select distinct creator_id, 'time' as reason from jobs
      where created_at ${around} or send_at ${around} or finished_at ${around} limit ${MANY}`,
    { at },
  );
  return rows;
}

/** Returns the usernames of about this length; `areLookAlikes` compares them. */
export async function listNamesLike(
  db: Knex,
  length: number,
): Promise<{ id: string; username: string }[]> {
  const { rows } = await db.raw(
    `select id, username from creators
      where leaving_at is null
        and length(translate(username, '._', '')) between ?::int - 2 and ?::int + 2`,
    [length, length],
  );
  return rows;
}

export async function listAccounts(db: Knex, ids: string[]): Promise<Account[]> {
  const { rows } = await db.raw(
    `select c.id, c.username, c.nickname, c.created_at, c.disconnected_at, c.name_confirmed_at,
            count(j.id)::int as posts,
            max(j.finished_at) filter (where j.state = 'finished') as last_post_at
       from creators c left join jobs j on j.creator_id = c.id
      where c.id = any(?::uuid[]) and c.leaving_at is null group by c.id`,
    [ids],
  );
  return rows;
}
