// What is true at TikTok about each ordered post, and what the database says about its job.
import type { Publish, State } from '../tiktok-sandbox/state.ts';
import type { Row } from './database.ts';
import type { Order } from './orders.ts';
import type { Scene } from './scene.ts';

export interface Truth {
  order: Order;
  /** The job's row, with the names of its events; null when there is none. */
  job: Row | null;
  /** What is on TikTok, or in the inbox. */
  posts: Publish[];
  /** Not ended yet: TikTok has all of it and may still post it. */
  underWay: Publish[];
}

/** SQL about a row of `jobs`: TikTok was asked, gave no clear answer, and may still tell of the post. */
export const WAITS_FOR_WORD = `exists (select from publish_attempts attempts
  where job_id = jobs.id and closed_at is null and publish_id is null
    and unanswered_at < now() - interval '20 seconds')`;

const JOBS = `select jobs.id, state, error, waiting_code, publish_id,
     (select array_agg(name order by id) from job_events where job_id = jobs.id) as events,
     (select string_agg(format('%s:%s', number, coalesce(outcome, 'open')), ' ' order by number)
       from publish_attempts where job_id = jobs.id) as attempts,
     (select format('run_at %s, attempts %s, locked by %s since %s', run_at, attempts, locked_by,
         locked_at) from graphile_worker._private_jobs where key = 'job:' || jobs.id) as run,
     ${WAITS_FOR_WORD} as waits_for_word
   from jobs`;

export async function findTruth(scene: Scene, orders: Order[]): Promise<Truth[]> {
  const rows = await scene.database.query(JOBS);
  const byId = new Map(rows.map((row) => [row['id'], row]));
  return orders.map((order) => {
    const job = byId.get(order.jobId) ?? null;
    const own = scene.sandbox.state.publishes.filter((each) => isFor(each, order, job));
    return {
      ...{ order, job },
      posts: own.filter(isPosted),
      underWay: own.filter((each) => each.sent_at !== null && each.finished_at === null),
    };
  });
}

export function isPosted({ status }: Publish): boolean {
  return status === 'PUBLISH_COMPLETE' || status === 'SEND_TO_USER_INBOX';
}

/** By the title, which is unique; an inbox video has none at TikTok, and is known by its bytes. */
function isFor(publish: Publish, order: Order, job: Row | null): boolean {
  if (publish.open_id !== order.creator.openId) return false;
  if (publish.kind !== 'inbox') return publish.post_info['title'] === order.title;
  const isSame = publish.sha256 !== null && publish.sha256 === order.sha256;
  return isSame || (job !== null && publish.publish_id === job['publish_id']);
}

/** Returns the jobs that are there although nobody was told of them, by their titles. */
export async function findUntold(scene: Scene, orders: Order[]): Promise<string[]> {
  const told = new Set(orders.map(({ jobId }) => jobId));
  const unclear = new Set(
    orders.filter(({ answer, jobId }) => !answer && !jobId).map(({ title }) => title),
  );
  const rows = await scene.database.query('select id, title from jobs');
  return rows
    .filter(({ id, title }) => !told.has(String(id)) && !unclear.has(String(title)))
    .map(({ title }) => String(title));
}

/** Returns what is on TikTok and was ordered by nobody. */
export function findUnordered({ publishes }: State, orders: Order[]): Publish[] {
  const titles = new Set(orders.map(({ title }) => title));
  const hashes = new Set(orders.map(({ sha256 }) => sha256));
  return publishes
    .filter(isPosted)
    .filter(({ kind, post_info, sha256 }) =>
      kind === 'inbox' ? !hashes.has(sha256 ?? '') : !titles.has(String(post_info['title'])),
    );
}

/**
 * Returns, by creator id, how many inits of photos have no publish_id: TikTok's word about a post
 * is that of one of them.
 */
export async function countUnanswered({ database }: Scene): Promise<Map<string, number>> {
  const rows = await database.query(
    `select creator_id, count(*) as count from publish_attempts attempts
       join jobs on jobs.id = attempts.job_id
      where jobs.kind = 'photo' and attempts.publish_id is null and committed_at is not null
      group by creator_id`,
  );
  return new Map(rows.map((row) => [String(row['creator_id']), Number(row['count'])]));
}
