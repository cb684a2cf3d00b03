// Handles the init call of photo posts, direct and to the inbox, with the rules of the real one.
// https://developers.tiktok.com/docs/en/content-posting-api-reference-photo-post
import type { Context } from 'koa';
import {
  answer,
  authorize,
  badParams,
  type Caller,
  forbidden,
  jsonBody,
  Refusal,
} from './answers.ts';
import { checkPostInfo, object, unknownFields } from './bodies.ts';
import { report } from './findings.ts';
import { checkMayPost, checkPending, getApp, open } from './opening.ts';
import { pullPhotos } from './photos.ts';
import type { App, State } from './state.ts';

const KNOWN = ['media_type', 'post_mode', 'post_info', 'source_info', 'is_aigc'];
const WORDS = ['title', 'description'];
const DIRECT_ONLY = [
  ...['privacy_level', 'disable_comment', 'auto_add_music'],
  ...['brand_content_toggle', 'brand_organic_toggle'],
];

/** Opens a photo post, and begins to download its photos. */
export async function photoInit(state: State, koa: Context): Promise<void> {
  const caller = authorize(state, koa, {
    endpoint: 'content.init',
    scopes: ['video.publish', 'video.upload'],
    perMinute: state.settings.inits_per_minute,
  });
  const body = await jsonBody(koa);
  const { media_type, post_mode } = body;
  if (media_type !== 'PHOTO' || (post_mode !== 'DIRECT_POST' && post_mode !== 'MEDIA_UPLOAD')) {
    throw badParams('Invalid media_type or post_mode');
  }
  unknownFields(state, koa, body, KNOWN);
  const isDirect = post_mode === 'DIRECT_POST';
  checkScope(caller, isDirect ? 'video.publish' : 'video.upload');
  const postInfo = checkWords(state, koa, body, isDirect);
  const { images, cover } = checkSource(state, koa, body['source_info']);
  if (isDirect) checkMayPost(state, koa, caller, postInfo);
  const app = getApp(state, caller.grant.client_key);
  if (!images.every((url) => isVerified(state, app, url)))
    throw forbidden('url_ownership_unverified');
  if (!isDirect) checkPending(state, caller);
  reportReuse(state, koa, images);
  const isAigc = body['is_aigc'] ?? false;
  const publish = open(state, caller, {
    kind: 'photo',
    postInfo: { ...postInfo, post_mode, photo_cover_index: cover, is_aigc: isAigc },
    plan: { video_size: 0, chunk_size: 0, total_chunk_count: 0 },
  });
  publish.photo_images = images;
  pullPhotos(state, publish);
  answer(koa, JSON.stringify({ publish_id: publish.publish_id }));
}

function checkScope({ grant }: Caller, scope: string): void {
  if (grant.scopes.includes(scope)) return;
  throw new Refusal(
    401,
    'scope_not_authorized',
    'The user did not authorize the scope required for completing this request.',
  );
}

/** Returns the URLs of 1 to 35 photos, and which of them is the cover. */
function checkSource(
  state: State,
  koa: Context,
  given: unknown,
): { images: string[]; cover: number } {
  const source = object(given, 'The request source info is empty or incorrect');
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
  return { images, cover: cover as number };
}

/** Returns `post_info`. A post to the inbox uses the title and the description alone. */
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
    report(state, {
      kind: 'lint',
      rule: 'direct_field_on_inbox',
      detail: name,
      endpoint: koa.path,
    });
  }
  const toggles = { brand_content_toggle: false, brand_organic_toggle: false };
  return checkPostInfo(state, koa, { ...info, ...toggles }, 90);
}

/** Reports URLs of an earlier post: TikTok could take the wrong photos from them. */
function reportReuse(state: State, koa: Context, images: string[]): void {
  const known = new Set(state.publishes.flatMap((each) => each.photo_images));
  for (const url of images.filter((each) => known.has(each))) {
    report(state, {
      kind: 'violation',
      rule: 'photo_url_reused',
      detail: url,
      endpoint: koa.path,
    });
  }
}

/** True for https, and a host that is a verified domain or below one; never for an IP address. */
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
