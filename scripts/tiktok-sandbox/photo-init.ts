// The init call of photo posts, direct and to the inbox, with every rule that the real one refuses by.
// https://developers.tiktok.com/docs/en/content-posting-api-reference-photo-post
import type { Context } from 'koa';
import { answer, authorize, badParams, forbidden, jsonBody, Refusal } from './answers.ts';
import { checkPostInfo, object, unknownFields } from './bodies.ts';
import { checkMayPost, checkPending, getApp, open } from './opening.ts';
import { pullPhotos } from './photos.ts';
import { type App, report, type State } from './state.ts';

const KNOWN = ['media_type', 'post_mode', 'post_info', 'source_info', 'is_aigc'];
const WORDS = ['title', 'description'];
const DIRECT_ONLY = [
  ...['privacy_level', 'disable_comment', 'auto_add_music'],
  ...['brand_content_toggle', 'brand_organic_toggle'],
];

export async function photoInit(state: State, koa: Context): Promise<void> {
  const perMinute = state.settings.inits_per_minute;
  const caller = authorize(
    state,
    koa,
    'content.init',
    ['video.publish', 'video.upload'],
    perMinute,
  );
  const body = await jsonBody(koa);
  const { media_type, post_mode } = body;
  if (media_type !== 'PHOTO' || (post_mode !== 'DIRECT_POST' && post_mode !== 'MEDIA_UPLOAD')) {
    throw badParams('Invalid media_type or post_mode');
  }
  unknownFields(state, koa, body, KNOWN);
  const isDirect = post_mode === 'DIRECT_POST';
  const scope = isDirect ? 'video.publish' : 'video.upload';
  if (!caller.grant.scopes.includes(scope)) {
    throw new Refusal(
      401,
      'scope_not_authorized',
      'The user did not authorize the scope required for completing this request.',
    );
  }
  const postInfo = checkWords(state, koa, body, isDirect);
  const source = object(body['source_info'], 'The request source info is empty or incorrect');
  unknownFields(state, koa, source, ['source', 'photo_images', 'photo_cover_index']);
  const images = source['photo_images'];
  const isList =
    Array.isArray(images) &&
    images.length > 0 &&
    images.length <= 35 &&
    images.every((each) => typeof each === 'string');
  if (source['source'] !== 'PULL_FROM_URL' || !isList)
    throw badParams('The request source info is empty or incorrect');
  const cover = source['photo_cover_index'];
  if (!Number.isInteger(cover) || (cover as number) < 0 || (cover as number) >= images.length)
    throw badParams('The photo cover index is invalid');
  if (isDirect) checkMayPost(state, koa, caller, postInfo);
  const app = getApp(state, caller.grant.client_key);
  if (!images.every((url) => isVerified(state, app, url)))
    throw forbidden('url_ownership_unverified');
  if (!isDirect) checkPending(state, caller);
  noteReuse(state, koa, images);
  const none = { video_size: 0, chunk_size: 0, total_chunk_count: 0 };
  const publish = open(
    state,
    caller,
    'photo',
    { ...postInfo, post_mode, photo_cover_index: cover, is_aigc: body['is_aigc'] ?? false },
    none,
  );
  publish.photo_images = images;
  pullPhotos(state, publish);
  answer(koa, JSON.stringify({ publish_id: publish.publish_id }));
}

/** In a direct post everything is told; with one for the inbox the words alone are of use. */
function checkWords(
  state: State,
  koa: Context,
  body: Record<string, unknown>,
  isDirect: boolean,
): Record<string, unknown> {
  const { is_aigc } = body;
  if (is_aigc !== undefined && typeof is_aigc !== 'boolean')
    throw badParams('is_aigc is not a bool');
  const info = object(body['post_info'], 'The request post info is empty or incorrect');
  unknownFields(state, koa, info, [...WORDS, ...DIRECT_ONLY]);
  if (isDirect) return checkPostInfo(state, koa, info, 90);
  const extra = Object.keys({ ...info, ...(is_aigc === undefined ? {} : { is_aigc }) });
  for (const name of extra.filter((each) => !WORDS.includes(each))) {
    report(state, 'lint', 'direct_field_on_inbox', name, koa.path);
  }
  const toggles = { brand_content_toggle: false, brand_organic_toggle: false };
  return checkPostInfo(state, koa, { ...info, ...toggles }, 90);
}

/** An address that was given to an earlier post could hand its photos to the wrong one. */
function noteReuse(state: State, koa: Context, images: string[]): void {
  const known = new Set(state.publishes.flatMap((each) => each.photo_images));
  for (const url of images.filter((each) => known.has(each))) {
    report(state, 'violation', 'photo_url_reused', url, koa.path);
  }
}

/** https, a name and not an address, below a verified domain. */
function isVerified(state: State, app: App, text: string): boolean {
  const url = URL.parse(text);
  if (!url) return false;
  const isInsecureTest =
    state.settings.allow_insecure_pull &&
    url.protocol === 'http:' &&
    /^(localhost|127\.)/.test(url.hostname);
  if (isInsecureTest) return true;
  if (url.protocol !== 'https:' || /^[\d.]+$|^\[/.test(url.hostname)) return false;
  return app.verified_domains.some(
    (domain) => url.hostname === domain || url.hostname.endsWith(`.${domain}`),
  );
}
