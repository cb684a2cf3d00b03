// Opens the composer with the words and files of an ended post; what needs consent is chosen anew.
import type { Context } from '../../context/context.ts';
import type { Creator } from '../../creators/store.ts';
import { findManyMedia, findMedia } from '../../media/store.ts';
import { servesAs } from '../../media/store-media.ts';
import { groupSwitches } from '../../tiktok/switches.ts';
import type { PageRequest } from '../../web/pages.ts';
import { isWorking } from '../commands.ts';
import type { Job } from '../job.ts';
import { listPhotos } from '../photos.ts';
import { getJob } from '../store.ts';
import type { Chosen } from './composer-form.ts';
import type { Form } from './composer-settings.ts';

/** What the composer begins with. */
export interface Reopened {
  form: Form;
  chosen: Chosen;
  /** Told as text: the last choices, and the time that was planned. */
  again: { job: Job; switches: ReturnType<typeof groupSwitches> };
}

/** Returns null for a post that has not ended. */
export async function reopen(
  ctx: Context,
  { params }: PageRequest,
  creator: Creator,
): Promise<Reopened | null> {
  const job = await getJob(ctx.db, creator.id, params['id'] ?? '');
  if (isWorking(job)) return null;
  const settings: Record<string, unknown> = job.settings;
  const { destination, title, description } = job;
  const chosen = await findFiles(ctx, creator, job);
  const cover = chosen.kind === 'photo' ? chosen.photos[job.photo_cover_index ?? 0] : undefined;
  return {
    form: {
      ...{ destination, title, description: description ?? '' },
      ...(cover ? { cover: cover.storage_key } : {}),
    },
    chosen,
    again: { job, switches: groupSwitches(({ name }) => settings[name] === true) },
  };
}

async function findFiles(ctx: Context, creator: Creator, job: Job): Promise<Chosen> {
  if (job.kind === 'video') {
    return { kind: 'video', media: await findMedia(ctx.db, creator.id, job.source_key ?? '') };
  }
  const keys = (await listPhotos(ctx.db, job.id)).flatMap(({ source_key }) => source_key ?? []);
  const found = await findManyMedia(ctx.db, creator.id, keys);
  const of = new Map(found.map((media) => [media.storage_key, media]));
  const photos = keys.flatMap((key) => of.get(key) ?? []);
  return { kind: 'photo', photos: photos.filter((media) => servesAs('photo', media)) };
}
