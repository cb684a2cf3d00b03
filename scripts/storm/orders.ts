// Orders the posts: plans them by chance, hands them in evenly over the storm, and keeps the answers.
import { createHash } from 'node:crypto';
import type { Chance } from './chance.ts';
import { type Answer, askPatiently, type Request } from './client.ts';
import type { StormCreator } from './creators.ts';
import { addBox, addComment, type Media } from './media.ts';
import { pause } from './pause.ts';
import type { Scene } from './scene.ts';

export interface Order {
  title: string;
  creator: StormCreator;
  kind: 'video' | 'photo';
  destination: 'direct' | 'inbox';
  isConverted: boolean;
  photos: number;
  /** How far ahead it is scheduled; 0 is now. */
  aheadMs: number;
  /** Of the file as it is handed in; tells an inbox video, which has no title at TikTok. */
  sha256: string;
  scheduledAt: number | null;
  jobId: string | null;
  /** The last answer; null when none was clear. */
  answer: Answer | null;
  /** Why the client ended without a job. */
  refusal: string | null;
}

export function planOrders(count: number, chance: Chance, creators: StormCreator[]): Order[] {
  return Array.from({ length: count }, (_, n) => {
    const creator = creators[n % creators.length] as StormCreator;
    const kind = chance.hits(0.35) ? 'photo' : 'video';
    const destination = chance.hits(0.3) ? 'inbox' : 'direct';
    const isVideo = kind === 'video';
    return {
      ...{ creator, kind, destination },
      title: `Post ${n} ${creator.word}`,
      isConverted: isVideo && destination === 'direct' && chance.hits(0.2),
      photos: isVideo ? 0 : 1 + chance.below(3),
      aheadMs: chance.hits(0.4) ? chance.between(2_000, 15_000) : 0,
      ...{ sha256: '', scheduledAt: null, jobId: null, answer: null, refusal: null },
    };
  });
}

/** Hands them in evenly over `durationMs`, each by a program of its own. */
export async function handIn(
  scene: Scene,
  orders: Order[],
  { media, durationMs }: { media: Media; durationMs: number },
): Promise<void> {
  const underWay: Promise<void>[] = [];
  for (const order of orders) {
    if (scene.signal.aborted) break;
    if (!order.creator.hasLeft) underWay.push(placeOrder(scene, order, media));
    await pause(durationMs / orders.length, scene.signal);
  }
  await Promise.all(underWay);
}

async function placeOrder(scene: Scene, order: Order, media: Media): Promise<void> {
  const ask = (request: Request) => askPatiently(toCaller(scene, order.creator), request);
  const keys: string[] = [];
  for (const { bytes, type } of makeFiles(order, media)) {
    const headers = { 'content-type': type };
    const stored = await ask({ method: 'POST', path: '/v1/media', body: bytes, headers });
    if (stored?.status !== 201) return refuse(order, stored);
    keys.push(String(stored.json['storage_key']));
  }
  await accept(ask, order, keys);
}

function toCaller({ members, signal }: Scene, { key }: StormCreator) {
  return { url: members[0].url, key, signal };
}

/** In a dense storm the web process may be away each time for longer than a post is planned ahead. */
const MOST_TIMES = 20;

async function accept(
  ask: (request: Request) => Promise<Answer | null>,
  order: Order,
  keys: string[],
): Promise<void> {
  // A time that passed while nobody answered is refused, and chosen anew under another key.
  for (let tries = 1; tries <= MOST_TIMES; tries += 1) {
    order.scheduledAt = order.aheadMs === 0 ? null : Date.now() + order.aheadMs;
    const headers = { 'idempotency-key': `${tries}-${order.title.replaceAll(' ', '-')}` };
    const body = toBody(order, keys);
    const answer = await ask({ method: 'POST', path: '/v1/jobs', body, headers });
    order.answer = answer;
    if (answer?.status === 202) {
      order.jobId = String(answer.json['id']);
      return;
    }
    const isLate = JSON.stringify(answer?.json['errors'] ?? '').includes('schedule_at');
    if (!isLate) return refuse(order, answer);
  }
  refuse(order, order.answer);
}

function refuse(order: Order, answer: Answer | null): void {
  order.answer = answer;
  order.refusal = answer ? `${answer.status} ${answer.json['code']}` : 'no clear answer';
}

function makeFiles(order: Order, media: Media): { bytes: Buffer; type: string }[] {
  const { kind, photos, isConverted, title } = order;
  if (kind === 'photo') {
    return Array.from({ length: photos }, (_, n) => ({
      ...{ bytes: addComment(media.photo, `${title} ${n}`), type: 'image/jpeg' },
    }));
  }
  if (isConverted) return [{ bytes: media.foreignVideo, type: 'video/x-msvideo' }];
  const bytes = addBox(media.video, title);
  order.sha256 = createHash('sha256').update(bytes).digest('hex');
  return [{ bytes, type: 'video/mp4' }];
}

function toBody(order: Order, keys: string[]): Record<string, unknown> {
  const { kind, title, destination, scheduledAt } = order;
  const sources = keys.map((key) => ({ source: 'pm3k_storage', storage_key: key }));
  const time = scheduledAt === null ? {} : { schedule_at: new Date(scheduledAt).toISOString() };
  return {
    mode: scheduledAt === null ? 'now' : 'schedule',
    ...time,
    ...{ title, destination, settings: { privacy_level: 'PUBLIC_TO_EVERYONE' } },
    ...(kind === 'video' ? { video: sources[0] } : { photos: sources, description: title }),
    // The same test picture serves many posts.
    allow_duplicate: true,
  };
}

/** Deletes the creators who leave, each at a moment of its own. */
export async function sendAway(
  scene: Scene,
  creators: StormCreator[],
  durationMs: number,
): Promise<void> {
  const leaving = creators.filter(({ fate }) => fate === 'leaving');
  await pause(durationMs * 0.4, scene.signal);
  for (const creator of leaving) {
    if (scene.signal.aborted) return;
    const confirm = creator.username;
    const request = { method: 'DELETE', path: '/v1/creators/me', body: { confirm } };
    const answer = await askPatiently(toCaller(scene, creator), request);
    // 401: an earlier try was done, and the key ended with it.
    creator.hasLeft = answer?.status === 202 || answer?.status === 401;
    await pause((durationMs * 0.3) / leaving.length, scene.signal);
  }
}
