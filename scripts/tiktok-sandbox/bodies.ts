// Checks the body of an init call: the fields of post_info, and a chunk plan that adds up.
import type { Context } from 'koa';
import { badParams } from './answers.ts';
import { report } from './findings.ts';
import type { State } from './state.ts';

const LEVELS = ['PUBLIC_TO_EVERYONE', 'MUTUAL_FOLLOW_FRIENDS', 'FOLLOWER_OF_CREATOR', 'SELF_ONLY'];

/** Returns the value if it is an object, or throws a refusal with this message. */
export function object(value: unknown, message: string): Record<string, unknown> {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw badParams(message);
  return value as Record<string, unknown>;
}

/** Reports fields that TikTok does not know; it takes and ignores them. */
export function unknownFields(
  state: State,
  koa: Context,
  value: Record<string, unknown>,
  known: string[],
): void {
  for (const name of Object.keys(value)) {
    if (known.includes(name)) continue;
    report(state, { kind: 'lint', rule: 'unknown_field', detail: name, endpoint: koa.path });
  }
}

/** Returns `post_info`, or throws when TikTok would refuse it. `maxTitle`: in UTF-16 units. */
export function checkPostInfo(
  state: State,
  koa: Context,
  value: unknown,
  maxTitle: number,
): Record<string, unknown> {
  const info = object(value, 'The request post info is empty or incorrect');
  const { title, privacy_level } = info;
  if (title !== undefined && (typeof title !== 'string' || title.length > maxTitle))
    throw badParams('The title is too long');
  const { description } = info;
  if (description !== undefined && (typeof description !== 'string' || description.length > 4000))
    throw badParams('The description is too long');
  for (const name of [
    'disable_comment',
    'disable_duet',
    'disable_stitch',
    'brand_content_toggle',
    'brand_organic_toggle',
    'is_aigc',
    'auto_add_music',
  ]) {
    if (info[name] !== undefined && typeof info[name] !== 'boolean')
      throw badParams(`${name} is not a bool`);
  }
  const cover = info['video_cover_timestamp_ms'];
  if (cover !== undefined && !Number.isInteger(cover))
    throw badParams('video_cover_timestamp_ms is not an int32');
  if (privacy_level !== undefined && !LEVELS.includes(String(privacy_level)))
    throw badParams('privacy_level is not known');
  lintToggles(state, koa, info);
  return info;
}

/** Reports what TikTok takes but its guidelines forbid. */
function lintToggles(state: State, koa: Context, info: Record<string, unknown>): void {
  const lint = (rule: string, detail: string) =>
    report(state, { kind: 'lint', rule, detail, endpoint: koa.path });
  if (info['brand_content_toggle'] === undefined || info['brand_organic_toggle'] === undefined) {
    lint('brand_toggles_missing', 'always send both toggles');
  }
  if (info['brand_content_toggle'] === true && info['privacy_level'] === 'SELF_ONLY') {
    lint('branded_private', 'branded content cannot be private');
  }
}

/**
 * Returns the chunk plan of a `source_info`, or throws. The limits are from
 * https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide and from refusals.
 */
export function checkChunks(source: Record<string, unknown>) {
  const [videoSize, chunkSize, total] = ['video_size', 'chunk_size', 'total_chunk_count'].map(
    (name) => {
      const value = source[name];
      if (!Number.isInteger(value) || (value as number) <= 0) {
        throw badParams(
          name === 'total_chunk_count'
            ? 'The total chunk count is invalid'
            : name === 'chunk_size'
              ? 'The chunk size is invalid'
              : 'The video size is invalid',
        );
      }
      return value as number;
    },
  ) as [number, number, number];
  if (videoSize > 4_294_967_296) throw badParams('The video size is invalid');
  if (total > 1000 || total !== Math.floor(videoSize / chunkSize))
    throw badParams('The total chunk count is invalid');
  const last = videoSize - chunkSize * (total - 1);
  const isBad =
    chunkSize > 64_000_000 ||
    (total === 1 && chunkSize !== videoSize) ||
    (total > 1 && chunkSize < 5_242_880) ||
    last > 128_000_000;
  if (isBad) throw badParams('The chunk size is invalid');
  return { video_size: videoSize, chunk_size: chunkSize, total_chunk_count: total };
}
