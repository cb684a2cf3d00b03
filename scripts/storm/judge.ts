// Judges a storm by its promises: never twice, never lost, never stuck, nothing left.
import { isHeld, isLostToKill } from './connections.ts';
import type { StormCreator } from './creators.ts';
import type { Order } from './orders.ts';
import type { Scene } from './scene.ts';
import { findTraces } from './traces.ts';
import { countUnanswered, findTruth, findUnordered, findUntold, type Truth } from './truth.ts';

/** A promise that was broken, about what, and what is known of it. */
export interface Break {
  promise: string;
  subject: string;
  detail: string;
}

const THAW_MS = 5_000;

export async function judge(
  scene: Scene,
  { orders, creators, doomedFaults }: Judged,
): Promise<{ breaks: Break[]; truths: Truth[] }> {
  const truths = await findTruth(scene, orders);
  const unanswered = await countUnanswered(scene);
  const refusalsLeft = countByOpenId(doomedFaults);
  const staying = truths.filter(({ order }) => order.creator.fate !== 'leaving');
  const breaks = [
    ...truths.flatMap(judgeTwice),
    ...staying.flatMap((truth) => judgeEnd(truth, { scene, unanswered, refusalsLeft })),
    ...(await findUntold(scene, orders)).map((title) => ({
      ...{ promise: 'accepted twice', subject: title, detail: 'a job that no answer named' },
    })),
    ...findUnordered(scene.sandbox.state, orders).map((post) => ({
      ...{ promise: 'never twice', subject: post.publish_id, detail: 'posted, ordered by nobody' },
    })),
    ...judgeFindings(
      scene,
      truths.filter(isHeld).map(({ order }) => order.creator.openId),
    ),
    ...judgeProcesses(scene),
    ...(await judgeDeletions(scene, creators)),
  ];
  return { breaks, truths };
}

export interface Judged {
  orders: Order[];
  creators: StormCreator[];
  /** Open ids of the accounts that were refused for good, once for each refusal that came about. */
  doomedFaults: string[];
}

function countByOpenId(openIds: string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const each of openIds) counts.set(each, (counts.get(each) ?? 0) + 1);
  return counts;
}

function judgeTwice({ order, job, posts }: Truth): Break[] {
  if (posts.length < 2) return [];
  const ids = posts.map(({ publish_id }) => publish_id).join(', ');
  return [{ promise: 'never twice', subject: describe(order), detail: `${ids}; ${tell(job)}` }];
}

interface Knowledge {
  scene: Scene;
  /** Creator id → inits of photos without a publish_id. */
  unanswered: Map<string, number>;
  refusalsLeft: Map<string, number>;
}

/** The rules for a post whose creator stayed. */
function judgeEnd(truth: Truth, knowledge: Knowledge): Break[] {
  const { order, job, posts, underWay } = truth;
  const broken = (promise: string, detail: string) => [
    { promise, subject: describe(order), detail },
  ];
  if (order.refusal) return broken('a clear answer', order.refusal);
  if (!order.jobId) return broken('a clear answer', 'none in four minutes');
  if (!job) return broken('never lost', 'accepted, and the job is gone');
  const state = job['state'];
  if (state === 'finished') {
    if (posts.length > 0) return judgeTime(truth);
    return broken('never lost', 'finished, and not on TikTok');
  }
  // It ends as unconfirmed two hours after the init, unless TikTok's word comes.
  if (state === 'unconfirmed' || job['waits_for_word']) {
    return isJustified(truth, knowledge) ? [] : broken('unconfirmed only for a reason', tell(job));
  }
  if (isHeld(truth) && isLostToKill(knowledge.scene, order.creator.openId)) return [];
  if (state !== 'failed' && state !== 'cancelled') return broken('never stuck', tell(job));
  if (posts.length + underWay.length > 0)
    return broken('"nothing was posted" is true', `on TikTok; ${tell(job)}`);
  const left = knowledge.refusalsLeft.get(order.creator.openId) ?? 0;
  knowledge.refusalsLeft.set(order.creator.openId, left - 1);
  return left > 0 ? [] : broken('never lost', tell(job));
}

/**
 * Justified: the answer to an init of photos was lost, and TikTok's word about the post could be
 * about another init of the same creator just as well.
 */
function isJustified({ order }: Truth, { unanswered }: Knowledge): boolean {
  return order.kind === 'photo' && (unanswered.get(order.creator.id) ?? 0) > 1;
}

function judgeTime({ order, posts }: Truth): Break[] {
  const { scheduledAt } = order;
  const openedAt = Math.min(...posts.map(({ created_at }) => created_at));
  if (scheduledAt === null || openedAt >= scheduledAt) return [];
  const detail = `${scheduledAt - openedAt} ms before its time`;
  return [{ promise: 'not before its time', subject: describe(order), detail }];
}

/**
 * What the sandbox found wrong. A stopped process may go on with a call of the minute before, and
 * where a kill cost a connection, the old token is tried before that is known.
 */
function judgeFindings({ sandbox, occurrences }: Scene, disconnected: string[]): Break[] {
  return sandbox.state.findings
    .filter(({ kind, rule }) => kind === 'violation' || rule === 'duplicate_post')
    .filter(({ rule, at, detail }) => {
      const moment = Date.parse(at);
      const isThaw = occurrences.some(
        ({ kind, to }) => kind === 'stop' && moment >= to && moment < to + THAW_MS,
      );
      const isOfLost = disconnected.some((openId) => detail.includes(openId));
      if (rule === 'refresh_token_reused' && isOfLost) return false;
      return !(rule === 'rate_limit_exceeded' && isThaw);
    })
    .map(({ rule, detail, endpoint }) => ({
      promise: `TikTok's rules`,
      subject: rule,
      detail: `${endpoint}: ${detail}`,
    }));
}

/** A process that had started ends for nothing but a signal. */
function judgeProcesses({ members }: Scene): Break[] {
  return members
    .flatMap(({ ownEnds }) => ownEnds)
    .filter(({ wasReady }) => wasReady)
    .map(({ member, code, last }) => ({
      ...{
        promise: 'a process goes on',
        subject: member,
        detail: `exit ${code}: ${last.slice(-600)}`,
      },
    }));
}

async function judgeDeletions(scene: Scene, creators: StormCreator[]): Promise<Break[]> {
  const gone = creators.filter(({ hasLeft }) => hasLeft);
  await assertSearchFinds(scene, creators);
  const stayed = creators.filter(({ fate, hasLeft }) => fate === 'leaving' && !hasLeft);
  const open = await scene.database.query(
    'select id, erased_at, faults from deletions where done_at is null or traces > 0',
  );
  return [
    ...stayed.map(({ username }) => ({
      ...{ promise: 'a clear answer', subject: username, detail: 'the deletion got none' },
    })),
    ...open.map((row) => ({
      ...{ promise: 'nothing left', subject: String(row['id']), detail: JSON.stringify(row) },
    })),
    ...(await findTraces(scene, gone)).map(({ creator, where }) => ({
      ...{ promise: 'nothing left', subject: creator, detail: where },
    })),
  ];
}

/** A search that finds nothing of those who stayed would prove nothing of those who left. */
async function assertSearchFinds(scene: Scene, creators: StormCreator[]): Promise<void> {
  const stays = creators.filter(({ fate }) => fate === 'stays').slice(0, 1);
  const found = await findTraces(scene, stays);
  if (found.length < stays.length) throw new Error('Expected to find those who stayed');
}

function describe({ title, kind, destination }: Order): string {
  return `${title} (${kind}, ${destination})`;
}

function tell(job: Truth['job']): string {
  if (!job) return 'no job';
  const events = (job['events'] as string[] | null) ?? [];
  return [
    `${job['id']} ${job['state']}`,
    ...(job['error'] ? [`error ${JSON.stringify(job['error'])}`] : []),
    `events ${events.join(' ')}`,
    `attempts ${job['attempts']}`,
    `run ${job['run']}`,
  ].join('; ');
}
