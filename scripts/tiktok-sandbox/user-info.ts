// Handles user/info, which refuses the whole call for one field outside the granted scopes.
// https://developers.tiktok.com/doc/tiktok-api-v2-get-user-info
import type { Context } from 'koa';
import { answer, authorize, badParams, Refusal } from './answers.ts';
import type { State } from './state.ts';

const FIELDS: Record<string, string> = {
  open_id: 'user.info.basic',
  union_id: 'user.info.basic',
  avatar_url: 'user.info.basic',
  avatar_url_100: 'user.info.basic',
  avatar_large_url: 'user.info.basic',
  display_name: 'user.info.basic',
  bio_description: 'user.info.profile',
  profile_deep_link: 'user.info.profile',
  is_verified: 'user.info.profile',
  username: 'user.info.profile',
  follower_count: 'user.info.stats',
  following_count: 'user.info.stats',
  likes_count: 'user.info.stats',
  video_count: 'user.info.stats',
};

/** Answers with the requested fields of the account. */
export function userInfo(state: State, koa: Context): void {
  const { grant, account } = authorize(state, koa, {
    endpoint: 'user/info',
    scopes: [],
    perMinute: 600,
  });
  const fields = String(koa.query['fields'] ?? '')
    .split(',')
    .filter(Boolean);
  if (fields.length === 0) throw badParams('Field fields is required');
  const unknown = fields.find((field) => !FIELDS[field]);
  if (unknown) throw badParams(`Field ${unknown} is not known`);
  if (fields.some((field) => !grant.scopes.includes(FIELDS[field] ?? ''))) {
    throw new Refusal(
      401,
      'scope_not_authorized',
      'The user did not authorize the scope required for completing this request.',
    );
  }
  const values: Record<string, unknown> = {
    open_id: account.open_id,
    display_name: account.nickname,
    username: account.username,
    bio_description: account.bio,
    is_verified: false,
    avatar_url: `http://${koa.host}/avatar/${account.username}.svg`,
    profile_deep_link: `http://${koa.host}/@${account.username}`,
  };
  const user = Object.fromEntries(fields.map((field) => [field, values[field] ?? 0]));
  answer(koa, JSON.stringify({ user }));
}
