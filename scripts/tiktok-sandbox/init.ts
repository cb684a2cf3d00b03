// creator_info and the three init calls, with every rule that the real ones refuse by.
// https://developers.tiktok.com/docs/en/content-posting-api-reference-direct-post
import { randomBytes } from 'node:crypto';
import type Router from '@koa/router';
import type { Context } from 'koa';
import {
  answer,
  authorize,
  badParams,
  bodyText,
  type Caller,
  forbidden,
  jsonBody,
  Refusal,
} from './answers.ts';
import { checkChunks, checkPostInfo, object, unknownFields } from './bodies.ts';
import { faults } from './faults.ts';
import { pullPhotos } from './photos.ts';
import { type Account, type App, logId, note, type Publish, type State } from './state.ts';

const DAY_MS = 86_400_000;
const POSTS_PER_DAY = 15;
const PENDING_SHARES = 5;
const UNAUDITED_USERS = 5;
const INFO_FRESH_MS = 15 * 60_000;

export function addInitRoutes(router: Router, state: State): void {
  const add = (path: string, endpoint: string, handle: (koa: Context) => unknown) =>
    router.post(`/v2/post/publish/${path}{/}`, faults(state, endpoint), (koa) => handle(koa));
  add('creator_info/query', 'creator_info', (koa) => creatorInfo(state, koa));
  add('video/init', 'video/init', (koa) => videoInit(state, koa, 'direct'));
  add('inbox/video/init', 'inbox/init', (koa) => videoInit(state, koa, 'inbox'));
  add('content/init', 'content/init', (koa) => photoInit(state, koa));
}

export function privacyOptions(account: Account): string[] {
  return account.is_private
    ? ['FOLLOWER_OF_CREATOR', 'MUTUAL_FOLLOW_FRIENDS', 'SELF_ONLY']
    : ['PUBLIC_TO_EVERYONE', 'MUTUAL_FOLLOW_FRIENDS', 'SELF_ONLY'];
}

/** "Not now" comes with HTTP 200 and a code, on purpose. */
async function creatorInfo(state: State, koa: Context): Promise<void> {
  const caller = authorize(
    state,
    koa,
    'creator_info',
    ['video.publish'],
    state.settings.creator_infos_per_minute,
  );
  const body = (await bodyText(koa)).trim();
  if (body !== '') throw badParams('The request has a body, and none is expected');
  const { account } = caller;
  state.creator_info_asked.set(account.open_id, Date.now());
  const not_now = cannotPost(state, caller);
  if (not_now) {
    koa.body = { data: {}, error: { code: not_now, message: '', log_id: logId() } };
    return;
  }
  answer(
    koa,
    JSON.stringify({
      creator_avatar_url: `http://${koa.host}/avatar/${account.username}.svg`,
      creator_username: account.username,
      creator_nickname: account.nickname,
      privacy_level_options: privacyOptions(account),
      comment_disabled: account.comment_disabled,
      duet_disabled: account.duet_disabled || account.is_private,
      stitch_disabled: account.stitch_disabled || account.is_private,
      max_video_post_duration_sec: account.max_video_post_duration_sec,
    }),
  );
}

/** Bans and daily caps of direct posts. */
function cannotPost(state: State, { grant, account }: Caller): string | null {
  if (account.is_banned) return 'spam_risk_user_banned_from_posting';
  if (!state.settings.caps) return null;
  const since = Date.now() - DAY_MS;
  const recent = state.publishes.filter((each) => each.created_at > since && each.kind !== 'inbox');
  const own = recent.filter(
    (each) => each.open_id === account.open_id && each.status !== 'FAILED' && each.sent_at,
  );
  if (own.length >= POSTS_PER_DAY) return 'spam_risk_too_many_posts';
  const app = appOf(state, grant.client_key);
  const users = new Set(
    recent.filter((each) => each.client_key === app.client_key).map((each) => each.open_id),
  );
  users.delete(account.open_id);
  const cap = app.is_audited ? app.active_user_cap : UNAUDITED_USERS;
  return users.size >= cap ? 'reached_active_user_cap' : null;
}

function appOf(state: State, client_key: string): App {
  const app = state.apps.find((each) => each.client_key === client_key);
  if (!app) throw new Error('Expected a grant of a known app');
  return app;
}

async function videoInit(state: State, koa: Context, kind: 'direct' | 'inbox'): Promise<void> {
  const scope = kind === 'direct' ? 'video.publish' : 'video.upload';
  const caller = authorize(state, koa, `${kind}.init`, [scope], state.settings.inits_per_minute);
  const body = await jsonBody(koa);
  const source = object(body['source_info'], 'The request source info is empty or incorrect');
  unknownFields(state, koa, body, ['post_info', 'source_info']);
  unknownFields(state, koa, source, [
    'source',
    'video_size',
    'chunk_size',
    'total_chunk_count',
    'video_url',
  ]);
  const post_info = kind === 'direct' ? checkPostInfo(state, koa, body['post_info'], 2200) : {};
  if (kind === 'inbox' && body['post_info'] !== undefined) {
    note(state, 'lint', 'post_info_on_inbox', 'post_info is ignored for inbox uploads', koa.path);
  }
  if (source['source'] === 'PULL_FROM_URL') {
    throw forbidden('url_ownership_unverified');
  }
  if (source['source'] !== 'FILE_UPLOAD')
    throw badParams('The request source info is empty or incorrect');
  const plan = checkChunks(source);
  if (kind === 'direct') checkMayPost(state, koa, caller, post_info);
  else checkPending(state, caller);
  const publish = open(state, caller, kind, post_info, plan);
  answer(
    koa,
    JSON.stringify({ publish_id: publish.publish_id, upload_url: uploadUrl(koa, publish) }),
  );
}

/** Privacy 403, unaudited 403, bans and caps 403: in this order. */
function checkMayPost(
  state: State,
  koa: Context,
  caller: Caller,
  info: Record<string, unknown>,
): void {
  const { account, grant } = caller;
  if (!privacyOptions(account).includes(String(info['privacy_level'])))
    throw forbidden('privacy_level_option_mismatch');
  const app = appOf(state, grant.client_key);
  if (!app.is_audited && (!account.is_private || info['privacy_level'] !== 'SELF_ONLY')) {
    throw forbidden('unaudited_client_can_only_post_to_private_accounts');
  }
  const refused = cannotPost(state, caller);
  if (refused) throw forbidden(refused);
  const asked = state.creator_info_asked.get(account.open_id) ?? 0;
  if (asked < Date.now() - INFO_FRESH_MS) {
    note(
      state,
      'lint',
      'creator_info_not_asked',
      'creator_info must be asked before a direct post',
      koa.path,
    );
  }
}

function checkPending(state: State, { account }: Caller): void {
  if (account.is_banned) throw forbidden('spam_risk_user_banned_from_posting');
  if (!state.settings.caps) return;
  const since = Date.now() - DAY_MS;
  const pending = state.publishes.filter(
    (each) =>
      each.open_id === account.open_id &&
      each.kind === 'inbox' &&
      each.created_at > since &&
      each.status === 'SEND_TO_USER_INBOX',
  );
  if (pending.length >= PENDING_SHARES) throw forbidden('spam_risk_too_many_pending_share');
}

function open(
  state: State,
  { grant, account }: Caller,
  kind: Publish['kind'],
  post_info: Record<string, unknown>,
  plan: { video_size: number; chunk_size: number; total_chunk_count: number },
): Publish {
  const prefix = { direct: 'v_pub_file~v2-1', inbox: 'v_inbox_file~v2', photo: 'p_pub_url~v2' }[
    kind
  ];
  const publish: Publish = {
    publish_id: `${prefix}.7${randomBytes(7).readUIntBE(0, 6)}${Date.now()}`.slice(0, 64),
    client_key: grant.client_key,
    open_id: account.open_id,
    kind,
    post_info,
    ...plan,
    upload_token: randomBytes(18).toString('base64url'),
    received_bytes: 0,
    chunks: [],
    sha256: null,
    path: null,
    content_type: null,
    status: kind === 'photo' ? 'PROCESSING_DOWNLOAD' : 'PROCESSING_UPLOAD',
    fail_reason: null,
    post_ids: [],
    created_at: Date.now(),
    sent_at: null,
    finished_at: null,
    photo_images: [],
    probe: null,
  };
  state.publishes.push(publish);
  return publish;
}

function uploadUrl(koa: Context, publish: Publish): string {
  return `http://${koa.host}/upload/video/?upload_id=${encodeURIComponent(publish.publish_id)}&upload_token=${publish.upload_token}`;
}

/** https://developers.tiktok.com/docs/en/content-posting-api-reference-photo-post */
async function photoInit(state: State, koa: Context): Promise<void> {
  const per_minute = state.settings.inits_per_minute;
  const caller = authorize(
    state,
    koa,
    'content.init',
    ['video.publish', 'video.upload'],
    per_minute,
  );
  const body = await jsonBody(koa);
  const { media_type, post_mode } = body;
  if (media_type !== 'PHOTO' || (post_mode !== 'DIRECT_POST' && post_mode !== 'MEDIA_UPLOAD')) {
    throw badParams('Invalid media_type or post_mode');
  }
  const is_direct = post_mode === 'DIRECT_POST';
  const scope = is_direct ? 'video.publish' : 'video.upload';
  if (!caller.grant.scopes.includes(scope)) {
    throw new Refusal(
      401,
      'scope_not_authorized',
      'The user did not authorize the scope required for completing this request.',
    );
  }
  const post_info = checkPostInfo(state, koa, body['post_info'], 90);
  const source = object(body['source_info'], 'The request source info is empty or incorrect');
  const images = source['photo_images'];
  const is_list =
    Array.isArray(images) &&
    images.length > 0 &&
    images.length <= 35 &&
    images.every((each) => typeof each === 'string');
  if (source['source'] !== 'PULL_FROM_URL' || !is_list)
    throw badParams('The request source info is empty or incorrect');
  const cover = source['photo_cover_index'];
  if (!Number.isInteger(cover) || (cover as number) < 0 || (cover as number) >= images.length)
    throw badParams('The photo cover index is invalid');
  if (is_direct) checkMayPost(state, koa, caller, post_info);
  const app = appOf(state, caller.grant.client_key);
  if (!images.every((url) => isVerified(state, app, url)))
    throw forbidden('url_ownership_unverified');
  if (!is_direct) checkPending(state, caller);
  const none = { video_size: 0, chunk_size: 0, total_chunk_count: 0 };
  const publish = open(
    state,
    caller,
    'photo',
    { ...post_info, post_mode, photo_cover_index: cover, is_aigc: body['is_aigc'] ?? false },
    none,
  );
  publish.photo_images = images;
  pullPhotos(state, publish);
  answer(koa, JSON.stringify({ publish_id: publish.publish_id }));
}

/** https, a name and not an address, below a verified domain. */
function isVerified(state: State, app: App, text: string): boolean {
  const url = URL.parse(text);
  if (!url) return false;
  const is_insecure_test =
    state.settings.allow_insecure_pull &&
    url.protocol === 'http:' &&
    /^(localhost|127\.)/.test(url.hostname);
  if (is_insecure_test) return true;
  if (url.protocol !== 'https:' || /^[\d.]+$|^\[/.test(url.hostname)) return false;
  return app.verified_domains.some(
    (domain) => url.hostname === domain || url.hostname.endsWith(`.${domain}`),
  );
}
