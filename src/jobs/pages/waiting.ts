// The page of posts that lost their permission: the creator says for each whether it may still go out.
import { databaseNow } from '../../base/database-time.ts';
import { Problem } from '../../base/errors.ts';
import type { Context } from '../../context/context.ts';
import { fetchOptionsOrReason, type PostingOptions } from '../../creators/posting-options.ts';
import type { Creator } from '../../creators/store.ts';
import { declaration } from '../../tiktok/declaration.ts';
import { groupSwitches } from '../../tiktok/switches.ts';
import type { PageRequest, Pages } from '../../web/pages.ts';
import { agreeToJob } from '../accept/agree.ts';
import type { Job } from '../job.ts';
import { listCancelledPlans, listHeld } from '../list-store.ts';
import { checkSettings, type Faults, type Form, isOn, readSettings } from './composer-settings.ts';
import { findThumbnails } from './thumbnails.ts';

/** So many fit into one form; the others follow when these are answered. */
const PAGE = 50;

export function addWaitingPages(pages: Pages, ctx: Context): void {
  pages.own('get', '/jobs/waiting', (request, creator) => showWaiting(ctx, request, creator, {}));
  pages.own('post', '/jobs/waiting', (request, creator) => agree(ctx, request, creator));
}

/** Id of a job → what is wrong with its fields. */
type RowFaults = Record<string, Faults>;

async function showWaiting(
  ctx: Context,
  { render, signal, form }: PageRequest,
  creator: Creator,
  faults: RowFaults,
): Promise<void> {
  const held = await listHeld(ctx.db, creator.id, PAGE);
  const plans = await listCancelledPlans(ctx.db, creator.id, PAGE);
  const needsOptions = !creator.disconnected_at && held.length > 0;
  const options = needsOptions ? await askOptions(ctx, creator, signal) : null;
  render('jobs/waiting', {
    title: 'Waiting posts',
    rows: held.map((job) => ({
      job,
      form: readRow(form, job),
      faults: faults[job.id] ?? {},
      switches: groupSwitches(({ kinds }) => kinds.includes(job.kind)),
      told: tellSettings(job),
      is_late: (job.schedule_at ?? job.send_at) <= databaseNow(),
    })),
    plans,
    covers: await findThumbnails(ctx.db, [...held, ...plans]),
    options,
    is_disconnected: creator.disconnected_at !== null,
    has_fault: Object.keys(faults).length > 0,
  });
}

function askOptions(
  ctx: Context,
  creator: Creator,
  signal: AbortSignal,
): Promise<PostingOptions | null> {
  return fetchOptionsOrReason(ctx, creator, signal).catch((error) => {
    // The connection ended at this moment: the page says so.
    if (error instanceof Problem && error.code === 'creator_disconnected') return null;
    throw error;
  });
}

/** The last choice as text: nothing of it is taken over. */
function tellSettings(job: Job) {
  const settings: Record<string, unknown> = job.settings;
  return groupSwitches(({ name }) => settings[name] === true);
}

/** The fields of one row, whose names begin with the job's id. */
function readRow(form: Form, { id, destination, settings }: Job): Form {
  const prefix = `${id}:`;
  const own = Object.entries(form).flatMap(([name, value]) =>
    name.startsWith(prefix) ? [[name.slice(prefix.length), value] as const] : [],
  );
  const cover = (settings as Record<string, unknown>)['cover_timestamp_ms'];
  return {
    ...(cover === undefined ? {} : { cover_timestamp_ms: String(cover) }),
    ...Object.fromEntries(own),
    destination,
  };
}

/** With `one` that post alone is meant; without, every post that was answered. */
async function agree(ctx: Context, request: PageRequest, creator: Creator): Promise<void> {
  const { form, koa, signal, go } = request;
  const held = await listHeld(ctx.db, creator.id, PAGE);
  const meant = held.filter((job) => {
    if (form['one'] !== undefined) return form['one'] === job.id;
    const row = readRow(form, job);
    return isOn(row, 'agree') || Boolean(row['privacy_level']);
  });
  const needsOptions = meant.some(({ destination }) => destination === 'direct');
  const options = needsOptions ? await askOptions(ctx, creator, signal) : null;
  const faults: RowFaults = {};
  for (const job of meant) {
    const found = await agreeToRow(ctx, creator, { job, row: readRow(form, job), options });
    if (Object.keys(found).length > 0) faults[job.id] = found;
  }
  if (Object.keys(faults).length === 0 && meant.length > 0) return go('/jobs/waiting');
  await showWaiting(ctx, request, creator, meant.length > 0 ? faults : { none: {} });
  koa.status = 422;
}

async function agreeToRow(
  ctx: Context,
  creator: Creator,
  { job, row, options }: { job: Job; row: Form; options: PostingOptions | null },
): Promise<Faults> {
  const { id, kind } = job;
  if (job.destination === 'direct') {
    if (!options?.can_post)
      return { privacy_level: options?.message ?? 'Connect with TikTok again.' };
    const faults = checkSettings(row, kind, options);
    if (Object.keys(faults).length > 0) return faults;
  }
  const settings = readSettings(row, kind);
  const consent = {
    given_through: 'dashboard' as const,
    declaration: declaration(settings['brand_content'] === true),
  };
  try {
    await agreeToJob(ctx, { creator, id, settings, consent });
    return {};
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    // It was answered a moment ago, by a second click or another window.
    return error.code === 'state_conflict' ? {} : { agree: error.message };
  }
}
