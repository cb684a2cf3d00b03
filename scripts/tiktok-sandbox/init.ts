// Handles creator_info and the init calls of videos, with the rules of the real ones.
// https://developers.tiktok.com/docs/en/content-posting-api-reference-direct-post
import type Router from '@koa/router';
import type { Context } from 'koa';
import { answer, authorize, badParams, bodyText, forbidden, jsonBody } from './answers.ts';
import { checkChunks, checkPostInfo, object, unknownFields } from './bodies.ts';
import { faults } from './faults.ts';
import { report } from './findings.ts';
import { logId } from './ids.ts';
import { cannotPost, checkMayPost, checkPending, open, privacyOptions } from './opening.ts';
import { photoInit } from './photo-init.ts';
import type { Publish, State } from './state.ts';

export function addInitRoutes(router: Router, state: State): void {
  const add = (path: string, endpoint: string, handle: (koa: Context) => unknown) =>
    router.post(`/v2/post/publish/${path}{/}`, faults(state, endpoint), (koa) => handle(koa));
  add('creator_info/query', 'creator_info', (koa) => creatorInfo(state, koa));
  add('video/init', 'video/init', (koa) => videoInit(state, koa, 'direct'));
  add('inbox/video/init', 'inbox/init', (koa) => videoInit(state, koa, 'inbox'));
  add('content/init', 'content/init', (koa) => photoInit(state, koa));
}

/** Answers what the account may do. A ban or cap comes with HTTP 200 and a code, as at TikTok. */
async function creatorInfo(state: State, koa: Context): Promise<void> {
  const caller = authorize(state, koa, {
    endpoint: 'creator_info',
    scopes: ['video.publish'],
    perMinute: state.settings.creator_infos_per_minute,
  });
  const body = (await bodyText(koa)).trim();
  if (body !== '') throw badParams('The request has a body, and none is expected');
  const { account } = caller;
  state.creator_info_asked.set(account.open_id, Date.now());
  const notNow = cannotPost(state, caller);
  if (notNow) {
    koa.body = { data: {}, error: { code: notNow, message: '', log_id: logId() } };
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

async function videoInit(state: State, koa: Context, kind: 'direct' | 'inbox'): Promise<void> {
  const scope = kind === 'direct' ? 'video.publish' : 'video.upload';
  const caller = authorize(state, koa, {
    endpoint: `${kind}.init`,
    scopes: [scope],
    perMinute: state.settings.inits_per_minute,
  });
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
  const postInfo = kind === 'direct' ? checkPostInfo(state, koa, body['post_info'], 2200) : {};
  if (kind === 'inbox' && body['post_info'] !== undefined) {
    report(state, {
      kind: 'lint',
      rule: 'post_info_on_inbox',
      detail: 'post_info is ignored for inbox uploads',
      endpoint: koa.path,
    });
  }
  if (source['source'] === 'PULL_FROM_URL') {
    throw forbidden('url_ownership_unverified');
  }
  if (source['source'] !== 'FILE_UPLOAD')
    throw badParams('The request source info is empty or incorrect');
  const plan = checkChunks(source);
  if (kind === 'direct') checkMayPost(state, koa, caller, postInfo);
  else checkPending(state, caller);
  const publish = open(state, caller, { kind, postInfo, plan });
  answer(
    koa,
    JSON.stringify({ publish_id: publish.publish_id, upload_url: uploadUrl(koa, publish) }),
  );
}

function uploadUrl(koa: Context, publish: Publish): string {
  return `http://${koa.host}/upload/video/?upload_id=${encodeURIComponent(publish.publish_id)}&upload_token=${publish.upload_token}`;
}
