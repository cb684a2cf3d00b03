// The composer's form: what was typed, what TikTok allows, and the consent that goes with it.
import { Problem } from '../../base/errors.ts';
import type { PostingOptions } from '../../creators/posting-options.ts';
import { parseWith } from '../../http/validate.ts';
import type { Media } from '../../media/store.ts';

import { type NewJobRequest, newJobSchema } from '../schema.ts';
import { checkSettings, type Faults, type Form, readSettings } from './composer-settings.ts';
import { readScheduleTime, type ScheduleTime } from './schedule-time.ts';

/** What the post is made from; nothing chosen is a video that is not there. */
export type Chosen =
  | { kind: 'video'; media: Media | undefined }
  | { kind: 'photo'; photos: Media[] };

/** What a creator said yes to after a first try was held back. */
export type Allowances = Pick<NewJobRequest, 'allow_duplicate' | 'on_limit'>;

/** The request that the form means; or what is wrong, by field, and fields that are shown with it. */
export function readForm(
  form: Form,
  options: PostingOptions | null,
  chosen: Chosen,
  allowances: Allowances,
): { request: NewJobRequest } | { faults: Faults; told?: Form } {
  const time = form['mode'] === 'schedule' ? readScheduleTime(form) : null;
  const faults = { ...checkChoices(form, options, chosen), ...findTimeFault(time) };
  if (Object.keys(faults).length > 0) {
    return { faults, ...(time && 'told' in time ? { told: time.told } : {}) };
  }
  try {
    const request = parseWith(
      newJobSchema,
      {
        mode: form['mode'],
        ...(time && 'at' in time ? { schedule_at: time.at.toISOString() } : {}),
        title: plain(form['title']),
        ...sourceFields(form, chosen),
        destination: form['destination'],
        settings: readSettings(form, chosen.kind),
        ...allowances,
      },
      'form',
    );
    return { request };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { faults: faultsByField(error) };
  }
}

function findTimeFault(time: ScheduleTime | null): Faults {
  return time && 'fault' in time ? { schedule_at: time.fault } : {};
}

/** Field of the form → what a refusal says of it. */
export function faultsByField({ extras }: Problem): Faults {
  const entries = (extras.errors ?? []).map(({ pointer, message }) => [
    pointer.split('/').at(-1) ?? '',
    message,
  ]);
  return Object.fromEntries(entries);
}

/** Browsers send line breaks as CR LF; TikTok counts units, and one break is one. */
const plain = (text = '') => text.replaceAll('\r\n', '\n');

function sourceFields(form: Form, chosen: Chosen) {
  const source = 'pm3k_storage' as const;
  if (chosen.kind === 'video') return { video: { source, storage_key: form['storage_key'] } };
  const keys = chosen.photos.map(({ storage_key }) => storage_key);
  return {
    photos: keys.map((storageKey) => ({ source, storage_key: storageKey })),
    photo_cover_index: Math.max(0, keys.indexOf(form['cover'] ?? '')),
    description: plain(form['description']),
  };
}

/** TikTok's rules for a direct post, judged against what TikTok said a moment ago. */
function checkChoices(form: Form, options: PostingOptions | null, chosen: Chosen): Faults {
  const faults: Faults = {};
  const isPhoto = chosen.kind === 'photo';
  const media = isPhoto ? chosen.photos[0] : chosen.media;
  if (!media) faults[isPhoto ? 'photos' : 'storage_key'] = 'Choose what to post first.';
  if (form['destination'] !== 'direct' && form['destination'] !== 'inbox')
    faults['destination'] = 'Choose where the post goes.';
  if (form['destination'] !== 'direct') return faults;
  if (!options) return faults;
  if (!options.can_post) return { ...faults, destination: options.message };
  Object.assign(faults, checkSettings(form, chosen.kind, options));
  const limit = options.max_video_post_duration_sec;
  if (!isPhoto && media?.facts.duration_ms && media.facts.duration_ms > limit * 1000) {
    faults['storage_key'] =
      `The video is longer than ${limit} seconds, the most TikTok takes from this account.`;
  }
  return faults;
}
