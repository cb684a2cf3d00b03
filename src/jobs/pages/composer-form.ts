// The composer's form: what was typed, what TikTok allows, and the consent that goes with it.

import { Problem } from '../../base/errors.ts';
import type { PostingOptions } from '../../creators/posting-options.ts';
import { parseWith } from '../../http/validate.ts';
import type { Media } from '../../media/store.ts';

import { type NewJobRequest, newJobSchema } from '../schema.ts';
import { zonedTime } from './zoned-time.ts';

export type Form = Record<string, string>;
/** Field of the form → what is wrong with it. */
export type Faults = Record<string, string>;

const isOn = (form: Form, name: string) => form[name] === 'on' || form[name] === 'true';

/** What the post is made from; nothing chosen is a video that is not there. */
export type Chosen =
  | { kind: 'video'; media: Media | undefined }
  | { kind: 'photo'; photos: Media[] };

/** What a creator said yes to after a first try was held back. */
export type Allowances = Pick<NewJobRequest, 'allow_duplicate' | 'on_limit'>;

/** The request that the form means, or what is wrong, by field. */
export function readForm(
  form: Form,
  options: PostingOptions | null,
  chosen: Chosen,
  allowances: Allowances,
): { request: NewJobRequest } | { faults: Faults } {
  const faults = checkChoices(form, options, chosen);
  if (Object.keys(faults).length > 0) return { faults };
  const disclosed = isOn(form, 'disclosure');
  const isDirect = form['destination'] === 'direct';
  try {
    const request = parseWith(
      newJobSchema,
      {
        mode: form['mode'],
        ...(form['mode'] === 'schedule'
          ? {
              schedule_at: zonedTime(
                form['schedule_at'] ?? '',
                form['time_zone'] ?? 'UTC',
              )?.toISOString(),
            }
          : {}),
        title: plain(form['title']),
        ...sourceFields(form, chosen),
        destination: form['destination'],
        settings: {
          ...(isDirect ? { privacy_level: form['privacy_level'] } : {}),
          allow_comment: isOn(form, 'allow_comment'),
          allow_duet: isOn(form, 'allow_duet'),
          allow_stitch: isOn(form, 'allow_stitch'),
          is_aigc: isOn(form, 'is_aigc'),
          brand_organic: disclosed && isOn(form, 'brand_organic'),
          brand_content: disclosed && isOn(form, 'brand_content'),
          cover_timestamp_ms: Math.round(Number(form['cover_timestamp_ms'] || 0)),
          auto_add_music: chosen.kind === 'photo' && isOn(form, 'auto_add_music'),
        },
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
  if (
    form['mode'] === 'schedule' &&
    !zonedTime(form['schedule_at'] ?? '', form['time_zone'] ?? 'UTC')
  ) {
    faults['schedule_at'] = 'Choose a day and a time.';
  }
  if (form['destination'] !== 'direct') return faults;
  if (!options) return faults;
  if (!options.can_post) return { ...faults, destination: options.message };
  const level = form['privacy_level'] ?? '';
  if (!(options.privacy_level_options as string[]).includes(level))
    faults['privacy_level'] = `Choose who can see ${isPhoto ? 'these photos' : 'this video'}.`;
  for (const name of ['comment', 'duet', 'stitch'] as const) {
    if (isOn(form, `allow_${name}`) && options[`${name}_disabled`])
      faults[`allow_${name}`] = 'Switched off in this account’s TikTok settings.';
  }
  if (isOn(form, 'disclosure') && !isOn(form, 'brand_organic') && !isOn(form, 'brand_content')) {
    faults['disclosure'] =
      'You need to indicate if your content promotes yourself, a third party, or both.';
  }
  if (isOn(form, 'disclosure') && isOn(form, 'brand_content') && level === 'SELF_ONLY') {
    faults['privacy_level'] = 'Branded content visibility cannot be set to private.';
  }
  const limit = options.max_video_post_duration_sec;
  if (!isPhoto && media?.facts.duration_ms && media.facts.duration_ms > limit * 1000) {
    faults['storage_key'] =
      `The video is longer than ${limit} seconds, the most TikTok takes from this account.`;
  }
  return faults;
}
