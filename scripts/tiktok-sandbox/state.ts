// Everything the sandbox knows, in memory: apps, accounts, grants, posts, and what clients did wrong.
import { randomBytes, randomInt } from 'node:crypto';

export interface App {
  client_key: string;
  client_secret: string;
  /** Compared byte for byte; `:*` as the port of localhost or 127.0.0.1 takes any (desktop product). */
  redirect_uris: string[];
  scopes: string[];
  /** Desktop apps must send PKCE; null: taken when sent. */
  pkce: 'required' | null;
  is_audited: boolean;
  /** Usernames that alone may sign in; null: everybody. */
  target_users: string[] | null;
  verified_domains: string[];
  webhook_url: string | null;
  active_user_cap: number;
}

export interface Account {
  username: string;
  nickname: string;
  bio: string;
  open_id: string;
  is_private: boolean;
  is_banned: boolean;
  comment_disabled: boolean;
  duet_disabled: boolean;
  stitch_disabled: boolean;
  max_video_post_duration_sec: number;
}

export interface Grant {
  open_id: string;
  client_key: string;
  scopes: string[];
  access_token: string;
  access_expires_at: number;
  refresh_token: string;
  refresh_expires_at: number;
  /** Dead refresh tokens, to tell reuse from nonsense in the log. */
  used_refresh_tokens: string[];
}

export interface Code {
  code: string;
  client_key: string;
  redirect_uri: string;
  open_id: string;
  scopes: string[];
  code_challenge: string | null;
  expires_at: number;
}

export type PublishStatus =
  | 'PROCESSING_UPLOAD'
  | 'PROCESSING_DOWNLOAD'
  | 'SEND_TO_USER_INBOX'
  | 'PUBLISH_COMPLETE'
  | 'FAILED';

export interface Publish {
  publish_id: string;
  client_key: string;
  open_id: string;
  kind: 'direct' | 'inbox' | 'photo';
  post_info: Record<string, unknown>;
  video_size: number;
  chunk_size: number;
  total_chunk_count: number;
  upload_token: string;
  received_bytes: number;
  chunks: { first: number; last: number; at: string }[];
  sha256: string | null;
  path: string | null;
  content_type: string | null;
  status: PublishStatus;
  fail_reason: string | null;
  /** int64 as text, printed bare into JSON. */
  post_ids: string[];
  created_at: number;
  sent_at: number | null;
  finished_at: number | null;
  photo_images: string[];
  probe: Record<string, unknown> | null;
}

export interface Finding {
  at: string;
  kind: 'violation' | 'lint';
  rule: string;
  detail: string;
  endpoint: string;
}

export interface Fault {
  /** Path suffix such as `video/init`, `status/fetch`, `upload`, `oauth/token`, `processing`. */
  endpoint: string;
  kind: string;
  /** How many matching calls it still hits. */
  count: number;
  open_id?: string | undefined;
}

export interface Settings {
  /** Daily caps and bans by number; minute limits stay on whatever this says. */
  caps: boolean;
  access_seconds: number;
  refresh_seconds: number;
  processing_ms: number;
  oauth_errors_as_200: boolean;
  /** Photos may be pulled over http from loopback: for tests without certificates. */
  allow_insecure_pull: boolean;
  upload_url_seconds: number;
  /** The length of the window in which calls are counted. */
  minute_ms: number;
  inits_per_minute: number;
  statuses_per_minute: number;
  creator_infos_per_minute: number;
}

export interface State {
  apps: App[];
  accounts: Account[];
  grants: Grant[];
  codes: Code[];
  publishes: Publish[];
  findings: Finding[];
  faults: Fault[];
  settings: Settings;
  calls: { endpoint: string; open_id: string; at: number }[];
  creator_info_asked: Map<string, number>;
  webhooks: { event: string; body: string; status: number | null; at: string }[];
  revocations: { open_id: string; at: string }[];
}

const SCOPES = ['user.info.basic', 'user.info.profile', 'video.publish', 'video.upload'];

export function createState(): State {
  return {
    apps: [
      {
        client_key: 'sbsandbox',
        client_secret: 'sandbox-secret',
        redirect_uris: [
          'http://localhost:*/auth/tiktok/callback',
          'http://127.0.0.1:*/auth/tiktok/callback',
        ],
        scopes: SCOPES,
        pkce: 'required',
        is_audited: true,
        target_users: null,
        verified_domains: [],
        webhook_url: null,
        active_user_cap: 1000,
      },
    ],
    accounts: [
      account('sample', 'Sample Creator'),
      account('nour.films', 'نور للأفلام'),
      account('sunny', '🌻 Sunny days 🌻'),
      { ...account('quiet', 'Quiet (private)'), is_private: true },
    ],
    grants: [],
    codes: [],
    publishes: [],
    findings: [],
    faults: [],
    settings: {
      caps: true,
      access_seconds: 7200,
      refresh_seconds: 15_552_000,
      processing_ms: 300,
      oauth_errors_as_200: false,
      allow_insecure_pull: false,
      upload_url_seconds: 3600,
      minute_ms: 60_000,
      inits_per_minute: 6,
      statuses_per_minute: 30,
      creator_infos_per_minute: 20,
    },
    calls: [],
    creator_info_asked: new Map(),
    webhooks: [],
    revocations: [],
  };
}

export function account(username: string, nickname: string): Account {
  return {
    username,
    nickname,
    bio: '',
    open_id: `-000${randomBytes(16).toString('base64url')}`,
    is_private: false,
    is_banned: false,
    comment_disabled: false,
    duet_disabled: false,
    stitch_disabled: false,
    max_video_post_duration_sec: 600,
  };
}

/** What a client did wrong; `violation` is what the real service would refuse or punish. */
export function report(
  state: State,
  kind: Finding['kind'],
  rule: string,
  detail: string,
  endpoint: string,
): void {
  state.findings.push({ at: new Date().toISOString(), kind, rule, detail, endpoint });
}

/** An id beyond 2^53, as TikTok's are. */
export function postId(): string {
  return `7${randomInt(1_000_000_000)}${String(randomInt(1_000_000_000)).padStart(9, '0')}`.padEnd(
    19,
    '3',
  );
}

export function logId(): string {
  return `${new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14)}${randomBytes(9).toString('hex').toUpperCase()}`;
}
