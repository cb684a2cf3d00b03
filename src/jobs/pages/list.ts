// The pages of posts: the list, and one post with its timeline.
import type Router from '@koa/router';
import { addToNow } from '../../base/database-time.ts';
import { MINUTE_MS } from '../../base/time.ts';
import type { Context } from '../../context/context.ts';
import { listNotices } from '../../context/hooks.ts';
import { mayPost } from '../../creators/rules.ts';
import type { Creator } from '../../creators/store.ts';
import { groupSwitches } from '../../tiktok/switches.ts';
import { cutPage, parseCursor } from '../../web/cursor.ts';
import { createPages, type PageRequest } from '../../web/pages.ts';
import { nextPostAt } from '../accept/limits.ts';
import { JOB_ID } from '../api.ts';
import { isDoubtful } from '../attempts/doubt.ts';
import { cancelJob, isWorking, resolveJob, retryJob } from '../commands.ts';
import { isFetched, type Job } from '../job.ts';
import { toTimeline } from '../labels.ts';
import { findNextScheduled, listCancelledPlans, listHeld, listJobs } from '../list-store.ts';
import { listStored } from '../photos.ts';
import { listSources } from '../source.ts';
import { CANCELLABLE_STATES, STATUSES, type Status, toStatus } from '../states.ts';
import { countRecentJobs } from '../stats.ts';
import { getJob, listEvents } from '../store.ts';
import { postUrls } from '../view.ts';
import { addComposerPages } from './composer.ts';
import { findThumbnails } from './thumbnails.ts';
import { addWaitingPages } from './waiting.ts';

const PAGE = 20;

export function addJobPages(router: Router, ctx: Context): void {
  const pages = createPages(router, ctx);
  pages.own('get', '/jobs', (request, creator) => showList(ctx, request, creator));
  addComposerPages(pages, ctx);
  addWaitingPages(pages, ctx);
  pages.own('get', '/jobs/:id', (request, creator) => showJob(ctx, request, creator, 'page'));
  pages.own('get', '/jobs/:id/progress', (request, creator) =>
    showJob(ctx, request, creator, 'fragment'),
  );
  pages.own('get', '/jobs/:id/row', async ({ params, fragment }, creator) => {
    const job = await getJob(ctx.db, creator.id, params['id'] ?? '');
    fragment('jobs/row', { job, covers: await findThumbnails(ctx.db, [job]) });
  });
  pages.own('post', '/jobs/:id/cancellation', async ({ params, go }, creator) => {
    await cancelJob(ctx, creator.id, params['id'] ?? '');
    go(`/jobs/${params['id']}`);
  });
  pages.own('post', '/jobs/:id/retry', async ({ params, go }, creator) => {
    await retryJob(ctx, creator, params['id'] ?? '');
    go(`/jobs/${params['id']}`);
  });
  pages.own('post', '/jobs/:id/resolution', async ({ params, form, go }, creator) => {
    await resolveJob(
      ctx,
      creator.id,
      params['id'] ?? '',
      form['outcome'] === 'posted' ? 'posted' : 'not_posted',
    );
    go(`/jobs/${params['id']}`);
  });
}

async function showList(
  ctx: Context,
  { koa, render }: PageRequest,
  creator: Creator,
): Promise<void> {
  const status = STATUSES.find((each) => each === koa.query['status']);
  const cursor = koa.query['cursor'];
  const found = await listJobs(ctx.db, creator.id, {
    status,
    limit: PAGE + 1,
    ...(typeof cursor === 'string' ? { after: parseCursor(cursor, JOB_ID) } : {}),
  });
  const { page: jobs, nextCursor } = cutPage(found, PAGE, (job) => job.id);
  render('jobs/list', {
    title: 'Posts',
    jobs,
    covers: await findThumbnails(ctx.db, jobs),
    status: status ?? null,
    statuses: STATUSES,
    next: await findNextScheduled(ctx.db, creator.id),
    recent: await countRecentJobs(ctx.db, creator.id),
    posts_per_day: ctx.config.POSTS_PER_DAY,
    next_free_at: await findWait(ctx, creator),
    next_page: nextCursor ? listAddress(status, nextCursor) : null,
    is_disconnected: creator.disconnected_at !== null,
    has_held: (await listHeld(ctx.db, creator.id, 1)).length > 0,
    has_plans: (await listCancelledPlans(ctx.db, creator.id, 1)).length > 0,
    notices: await listNotices(ctx, creator.id),
  });
}

/** Returns when the next post can begin, or null when that is within a minute or never. */
async function findWait(ctx: Context, creator: Creator): Promise<Date | null> {
  if (!mayPost(creator)) return null;
  const freeAt = await nextPostAt(ctx, creator.id);
  return freeAt > addToNow(MINUTE_MS) ? freeAt : null;
}

function listAddress(status: Status | undefined, cursor: string): string {
  return `/jobs?${new URLSearchParams({ ...(status ? { status } : {}), cursor })}`;
}

async function showJob(
  ctx: Context,
  { params, render, fragment }: PageRequest,
  creator: Creator,
  as: 'page' | 'fragment',
): Promise<void> {
  const job = await getJob(ctx.db, creator.id, params['id'] ?? '');
  const events = await listEvents(ctx.db, job.id);
  const view = {
    job,
    timeline: toTimeline(ctx.modules, events, job.destination),
    is_moving: isMoving(job),
    is_doubtful: await isDoubtful(ctx.db, job.id),
    can_cancel: CANCELLABLE_STATES.some((state) => state === job.state),
    urls: postUrls(job, creator.username),
  };
  if (as === 'fragment') {
    fragment('jobs/progress', view);
    return;
  }
  const settings: Record<string, unknown> = job.settings;
  const stored = (await findThumbnails(ctx.db, [job]))[job.id];
  render('jobs/show', {
    title: 'Post',
    ...view,
    switches: groupSwitches(({ name }) => settings[name] === true),
    from: describeSource(ctx, job),
    video: stored && job.kind === 'video' ? `/media/${stored}` : null,
    photos: await listStored(ctx.db, [job.id]),
  });
}

/** Where a fetched video came from; only the name is left of a source that was taken out. */
function describeSource({ modules }: Context, job: Job): string | null {
  if (!isFetched(job)) return null;
  return listSources(modules).get(job.source)?.source.describe(job.source_request) ?? job.source;
}

/** Whether the page must refresh. A scheduled post that is prepared does not change until its time. */
function isMoving(job: Job): boolean {
  return isWorking(job) && !(job.state === 'ready' && toStatus(job) === 'scheduled');
}
