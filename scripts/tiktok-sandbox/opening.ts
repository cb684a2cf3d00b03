// Checks by bans, caps and audience who may post now, and opens the post.
import { randomBytes } from 'node:crypto';
import type { Context } from 'koa';
import { type Caller, forbidden } from './answers.ts';
import { report } from './findings.ts';
import type { Account, App, Publish, State } from './state.ts';

const DAY_MS = 86_400_000;
const POSTS_PER_DAY = 15;
const PENDING_SHARES = 5;
const UNAUDITED_USERS = 5;
const INFO_FRESH_MS = 15 * 60_000;

/** Returns the audiences that the account may choose from. */
export function privacyOptions(account: Account): string[] {
  return account.is_private
    ? ['FOLLOWER_OF_CREATOR', 'MUTUAL_FOLLOW_FRIENDS', 'SELF_ONLY']
    : ['PUBLIC_TO_EVERYONE', 'MUTUAL_FOLLOW_FRIENDS', 'SELF_ONLY'];
}

/** True for a post to the inbox, which the creator finishes in TikTok's app. */
function isDraft({ kind, post_info }: Publish): boolean {
  return kind === 'inbox' || post_info['post_mode'] === 'MEDIA_UPLOAD';
}

/** Returns the code of the ban or daily cap that forbids a direct post now; null when none does. */
export function cannotPost(state: State, { grant, account }: Caller): string | null {
  if (account.is_banned) return 'spam_risk_user_banned_from_posting';
  if (!state.settings.caps) return null;
  const since = Date.now() - DAY_MS;
  const recent = state.publishes.filter((each) => each.created_at > since && !isDraft(each));
  const own = recent.filter(
    (each) => each.open_id === account.open_id && each.status !== 'FAILED' && each.sent_at,
  );
  if (own.length >= POSTS_PER_DAY) return 'spam_risk_too_many_posts';
  const app = getApp(state, grant.client_key);
  const users = new Set(
    recent.filter((each) => each.client_key === app.client_key).map((each) => each.open_id),
  );
  users.delete(account.open_id);
  const cap = app.is_audited ? app.active_user_cap : UNAUDITED_USERS;
  return users.size >= cap ? 'reached_active_user_cap' : null;
}

/** Returns the app of this client key; throws when there is none. */
export function getApp(state: State, clientKey: string): App {
  const app = state.apps.find((each) => each.client_key === clientKey);
  if (!app) throw new Error('Expected a grant of a known app');
  return app;
}

/**
 * Refuses a direct post by 403 for its audience, an unaudited app, or a ban or cap: in this order.
 */
export function checkMayPost(
  state: State,
  koa: Context,
  caller: Caller,
  info: Record<string, unknown>,
): void {
  const { account, grant } = caller;
  if (!privacyOptions(account).includes(String(info['privacy_level'])))
    throw forbidden('privacy_level_option_mismatch');
  const app = getApp(state, grant.client_key);
  if (!app.is_audited && (!account.is_private || info['privacy_level'] !== 'SELF_ONLY')) {
    throw forbidden('unaudited_client_can_only_post_to_private_accounts');
  }
  const refused = cannotPost(state, caller);
  if (refused) throw forbidden(refused);
  const asked = state.creator_info_asked.get(account.open_id) ?? 0;
  if (asked < Date.now() - INFO_FRESH_MS) {
    report(state, {
      kind: 'lint',
      rule: 'creator_info_not_asked',
      detail: 'creator_info must be asked before a direct post',
      endpoint: koa.path,
    });
  }
}

/** Refuses a post to the inbox by 403 for a ban or too many drafts. */
export function checkPending(state: State, { account }: Caller): void {
  if (account.is_banned) throw forbidden('spam_risk_user_banned_from_posting');
  if (!state.settings.caps) return;
  const since = Date.now() - DAY_MS;
  const pending = state.publishes.filter(
    (each) =>
      each.open_id === account.open_id &&
      isDraft(each) &&
      each.created_at > since &&
      each.status === 'SEND_TO_USER_INBOX',
  );
  if (pending.length >= PENDING_SHARES) throw forbidden('spam_risk_too_many_pending_share');
}

/** What a post is opened with. */
export interface Opening {
  kind: Publish['kind'];
  postInfo: Record<string, unknown>;
  /** All zero for photos. */
  plan: Pick<Publish, 'video_size' | 'chunk_size' | 'total_chunk_count'>;
}

/** Adds a new post to the state and returns it. */
export function open(
  state: State,
  { grant, account }: Caller,
  { kind, postInfo, plan }: Opening,
): Publish {
  const prefix = { direct: 'v_pub_file~v2-1', inbox: 'v_inbox_file~v2', photo: 'p_pub_url~v2' }[
    kind
  ];
  const publish: Publish = {
    publish_id: `${prefix}.7${randomBytes(7).readUIntBE(0, 6)}${Date.now()}`.slice(0, 64),
    client_key: grant.client_key,
    open_id: account.open_id,
    kind,
    post_info: postInfo,
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
