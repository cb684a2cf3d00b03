// The pages on which a creator composes a post: choosing the media, and the form.
import { once } from '../../access/idempotency.ts';
import { randomToken } from '../../base/secrets.ts';
import type { Context } from '../../context/context.ts';
import { fetchOptionsOrReason } from '../../creators/posting-options.ts';
import type { Creator } from '../../creators/store.ts';
import { findManyMedia, findMedia, listMedia, type Media } from '../../media/store.ts';
import { servesAs } from '../../media/store-media.ts';
import { listUnfinishedUploads } from '../../media/tus/store.ts';
import { declaration } from '../../tiktok/declaration.ts';
import { TIKTOK_LIMITS } from '../../tiktok/limits.ts';
import { groupSwitches } from '../../tiktok/switches.ts';
import type { PageRequest, Pages } from '../../web/pages.ts';
import { acceptJob } from '../accept/accept.ts';
import { summarizeChanges } from '../summarize-changes.ts';
import { type Reopened, reopen } from './again.ts';
import { type Chosen, readForm } from './composer-form.ts';
import type { Faults, Form } from './composer-settings.ts';
import { type LimitPrompt, promptFor, readAllowances } from './limit-prompt.ts';
import { reorder } from './reorder.ts';

const { maxCount } = TIKTOK_LIMITS.photo;

const isPhoto = (media: Media) => servesAs('photo', media);

export function addComposerPages(pages: Pages, ctx: Context): void {
  pages.own('get', '/jobs/new', async (request, creator) => {
    const chosen = await findChosen(ctx, creator, request.koa.query);
    await showComposer(ctx, request, creator, { form: {}, faults: {}, chosen });
  });
  pages.own('get', '/jobs/:id/again', async (request, creator) => {
    const reopened = await reopen(ctx, request, creator);
    if (!reopened) return request.go(`/jobs/${request.params['id']}`);
    await showComposer(ctx, request, creator, { faults: {}, ...reopened });
  });
  pages.own('post', '/jobs', (request, creator) => compose(ctx, request, creator));
}

interface Composition {
  form: Form;
  faults: Faults;
  chosen: Chosen;
  limitPrompt?: LimitPrompt | undefined;
  /** The post that is opened again. */
  again?: Reopened['again'];
}

/** Reads the choice from the address: `media` is one upload, `photo` several, in upload order. */
async function findChosen(
  ctx: Context,
  creator: Creator,
  query: PageRequest['koa']['query'],
): Promise<Chosen> {
  const keys = [query['photo'] ?? []].flat().slice(0, maxCount);
  const one = typeof query['media'] === 'string' ? query['media'] : '';
  if (keys.length === 0) {
    const media = await findMedia(ctx.db, creator.id, one);
    return media?.facts.kind === 'photo'
      ? { kind: 'photo', photos: [media] }
      : { kind: 'video', media };
  }
  const photos = await findPhotos(ctx, creator, keys);
  photos.sort((a, b) => a.created_at.getTime() - b.created_at.getTime());
  return { kind: 'photo', photos };
}

/** Returns the photos in the order of the keys, without those that are not stored any more. */
async function findPhotos(ctx: Context, creator: Creator, keys: string[]): Promise<Media[]> {
  const found = await findManyMedia(ctx.db, creator.id, keys);
  const of = new Map(found.map((media) => [media.storage_key, media]));
  return [...new Set(keys)].flatMap((key) => of.get(key) ?? []).filter(isPhoto);
}

function listChanges({ facts }: Media): string[] {
  return facts.kind === 'photo' ? facts.changes : ['The first picture of the animation is posted.'];
}

/** Asks TikTok for creator_info each time the page is shown, since its answer may change any time. */
async function showComposer(
  ctx: Context,
  { signal, render }: PageRequest,
  creator: Creator,
  { form, faults, chosen, limitPrompt, again }: Composition,
): Promise<void> {
  const isPhotoPost = chosen.kind === 'photo';
  const media = isPhotoPost ? chosen.photos[0] : chosen.media;
  if (!media) return showChoice(ctx, render, creator, faults);
  const options = await fetchOptionsOrReason(ctx, creator, signal);
  const wantsDirect =
    form['destination'] === 'direct' || (!form['destination'] && ctx.config.TIKTOK_APP_AUDITED);
  const photos = isPhotoPost ? chosen.photos : [];
  const hasCover = photos.some(({ storage_key }) => storage_key === form['cover']);
  render('jobs/new', {
    title: 'New post',
    is_photo: isPhotoPost,
    media,
    media_url: `/media/${media.storage_key}`,
    photos,
    changes: summarizeChanges(photos.map(listChanges)),
    max_photos: maxCount,
    limits: TIKTOK_LIMITS,
    switches: groupSwitches(({ kinds }) => kinds.includes(chosen.kind)),
    options,
    creator,
    form: {
      ...form,
      destination: form['destination'] ?? (wantsDirect ? 'direct' : 'inbox'),
      cover: hasCover ? form['cover'] : media.storage_key,
    },
    faults,
    again: again ?? null,
    limit_prompt: limitPrompt ?? null,
    is_audited: ctx.config.TIKTOK_APP_AUDITED,
    request_id: form['request_id'] ?? randomToken(128),
    declarations: { plain: declaration(false), branded: declaration(true) },
  });
}

/** Shows the page on which the creator chooses what to post. */
async function showChoice(
  ctx: Context,
  render: PageRequest['render'],
  creator: Creator,
  faults: Faults,
): Promise<void> {
  const uploads = await listMedia(ctx.db, creator.id);
  render('jobs/choose', {
    title: 'New post',
    photos: uploads.filter(isPhoto),
    videos: uploads.filter(({ facts }) => facts.kind === 'video'),
    max_photos: maxCount,
    unfinished: await listUnfinishedUploads(ctx.db, creator.id),
    fault: faults['storage_key'] ?? faults['photos'] ?? null,
  });
}

async function compose(ctx: Context, request: PageRequest, creator: Creator): Promise<void> {
  const { form, signal, koa, go } = request;
  const chosen = await readChosen(ctx, creator, form);
  // Moving a photo shows the form again with everything that was typed, and checks nothing yet.
  if (form['arrange'] !== undefined) {
    return showComposer(ctx, request, creator, { form, faults: {}, chosen });
  }
  const options =
    form['destination'] === 'direct' ? await fetchOptionsOrReason(ctx, creator, signal) : null;
  const allowances = readAllowances(koa.query);
  const read = readForm(form, options, chosen, allowances);
  if ('faults' in read) {
    const shown = { ...form, ...read.told };
    await showComposer(ctx, request, creator, { form: shown, faults: read.faults, chosen });
    koa.status = 422;
    return;
  }
  const consent = {
    given_through: 'dashboard' as const,
    declaration: declaration(read.request.settings?.brand_content ?? false),
  };
  // A second click sends the same form again, and one form makes one post.
  const key = `form-${(form['request_id'] ?? randomToken(128)).slice(0, 64)}`;
  try {
    const { answer } = await once(
      ctx,
      { creatorId: creator.id, key, request: 'composer' },
      async (trx) => {
        const job = await acceptJob(ctx, trx, { creator, request: read.request, consent });
        return { status: 303, location: `/jobs/${job.id}`, body: '' };
      },
    );
    go(answer.location ?? '/jobs');
  } catch (error) {
    const refused = promptFor(ctx, error, allowances);
    if (!refused) throw error;
    await showComposer(ctx, request, creator, { form, chosen, ...refused });
    koa.status = 422;
  }
}

async function readChosen(ctx: Context, creator: Creator, form: Form): Promise<Chosen> {
  if (form['photos'] === undefined) {
    return {
      kind: 'video',
      media: await findMedia(ctx.db, creator.id, form['storage_key'] ?? ''),
    };
  }
  const keys = reorder(form['photos'].split(',').slice(0, maxCount + 1), form['arrange']);
  return { kind: 'photo', photos: await findPhotos(ctx, creator, keys) };
}
