// Pages of posts: the list, the composer, and one post with its timeline.
import type Router from '@koa/router';
import { once } from '../access/idempotency.ts';
import type { Context } from '../context.ts';
import { optionsOrReason } from '../creators/posting-options.ts';
import { type Creator, mayPost } from '../creators/store.ts';
import { findNotice } from '../deletions/desk/store.ts';
import { findFile, findUpload, listMedia } from '../media/store.ts';
import { randomToken } from '../secrets.ts';
import { declaration } from '../tiktok/declaration.ts';
import { listUnfinished } from '../uploads/store.ts';
import { createPages, type PageRequest } from '../web/pages.ts';
import { acceptJob } from './accept.ts';
import { cursorOf, parseCursor } from './api.ts';
import { type Faults, type Form, readForm } from './composer.ts';
import { cancelJob, isWorking, resolveJob, retryJob } from './endings.ts';
import type { Job } from './job.ts';
import { nextPostAt } from './limits.ts';
import { STATUSES, type Status, statusOf } from './states.ts';
import { findNextScheduled, getJob, listEvents, listJobs } from './store.ts';
import { countRecentJobs } from './tally.ts';
import { postUrls } from './view.ts';

const PAGE = 20;
const EARLIEST_CANCEL = ['accepted', 'fetched', 'ready', 'sending'];

export function addJobPages(router: Router, ctx: Context): void {
  const pages = createPages(router, ctx);
  pages.own('get', '/jobs', (request, creator) => showList(ctx, request, creator));
  pages.own('get', '/jobs/new', (request, creator) => showComposer(ctx, request, creator, {}, {}));
  pages.own('post', '/jobs', (request, creator) => compose(ctx, request, creator));
  pages.own('get', '/jobs/:id', (request, creator) => showJob(ctx, request, creator, 'page'));
  pages.own('get', '/jobs/:id/progress', (request, creator) =>
    showJob(ctx, request, creator, 'fragment'),
  );
  pages.own('get', '/jobs/:id/row', async ({ params, fragment }, creator) => {
    fragment('jobs/row', { job: await getJob(ctx.db, creator.id, params['id'] ?? ''), urls: [] });
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
    ...(typeof cursor === 'string' ? { after: parseCursor(cursor) } : {}),
  });
  const jobs = found.slice(0, PAGE);
  const last = found.length > PAGE ? jobs.at(-1) : undefined;
  render('jobs/list', {
    title: 'Posts',
    jobs,
    status: status ?? null,
    statuses: STATUSES,
    next: await findNextScheduled(ctx.db, creator.id),
    recent: await countRecentJobs(ctx.db, creator.id),
    posts_per_day: ctx.config.POSTS_PER_DAY,
    next_free_at: mayPost(creator) ? await nextPostAt(ctx, creator.id) : null,
    next_page: last ? listAddress(status, cursorOf(last)) : null,
    is_disconnected: creator.disconnected_at !== null,
    notice: (await findNotice(ctx.db, creator.id)) ?? null,
  });
}

function listAddress(status: Status | undefined, cursor: string): string {
  return `/jobs?${new URLSearchParams({ ...(status ? { status } : {}), cursor })}`;
}

/** creator_info is asked each time the page is made: nothing is shown from memory. */
async function showComposer(
  ctx: Context,
  { koa, signal, render }: PageRequest,
  creator: Creator,
  form: Form,
  faults: Faults,
): Promise<void> {
  const key = form['storage_key'] ?? koa.query['media'];
  const media = typeof key === 'string' ? await findUpload(ctx.db, creator.id, key) : undefined;
  if (!media) {
    render('jobs/choose', {
      title: 'New post',
      media: await listMedia(ctx.db, creator.id),
      unfinished: await listUnfinished(ctx.db, creator.id),
      fault: faults['storage_key'] ?? null,
    });
    return;
  }
  const options = await optionsOrReason(ctx, creator, signal);
  const wants_direct =
    form['destination'] === 'direct' || (!form['destination'] && ctx.config.TIKTOK_APP_AUDITED);
  render('jobs/new', {
    title: 'New post',
    media,
    media_url: `/media/${media.storage_key}`,
    options,
    creator,
    form: { ...form, destination: form['destination'] ?? (wants_direct ? 'direct' : 'inbox') },
    faults,
    is_audited: ctx.config.TIKTOK_APP_AUDITED,
    request_id: form['request_id'] ?? randomToken(128),
    declarations: { plain: declaration(false), branded: declaration(true) },
  });
}

async function compose(ctx: Context, request: PageRequest, creator: Creator): Promise<void> {
  const { form, signal, koa, go } = request;
  const media = await findUpload(ctx.db, creator.id, form['storage_key'] ?? '');
  const options =
    form['destination'] === 'direct' ? await optionsOrReason(ctx, creator, signal) : null;
  const read = readForm(form, options, media);
  if ('faults' in read) {
    koa.status = 422;
    await showComposer(ctx, request, creator, form, read.faults);
    koa.status = 422;
    return;
  }
  const consent = {
    given_through: 'dashboard' as const,
    declaration: declaration(read.request.settings?.brand_content ?? false),
  };
  // A second click sends the same form again: one form makes one post.
  const key = `form-${(form['request_id'] ?? randomToken(128)).slice(0, 64)}`;
  const { answer } = await once(ctx, creator.id, key, 'composer', async (trx) => {
    const job = await acceptJob(ctx, trx, creator, read.request, consent);
    return { status: 303, location: `/jobs/${job.id}`, body: '' };
  });
  go(answer.location ?? '/jobs');
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
    events,
    is_moving: isMoving(job),
    can_cancel: EARLIEST_CANCEL.includes(job.state),
    urls: postUrls(job, creator.username),
  };
  if (as === 'fragment') {
    fragment('jobs/progress', view);
    return;
  }
  const key = job.output_key ?? job.source_key;
  const stored = key ? await findFile(ctx.db, creator.id, key) : undefined;
  render('jobs/show', {
    title: 'Post',
    ...view,
    video: stored ? `/media/${key}` : null,
  });
}

/** Scheduled posts that are prepared stand still until their time. */
function isMoving(job: Job): boolean {
  return isWorking(job) && !(job.state === 'ready' && statusOf(job) === 'scheduled');
}
