// Types of what the sandbox holds in memory: apps, accounts, grants, posts and findings.

export interface App {
  client_key: string;
  client_secret: string;
  /**
   * Compared byte for byte; the port `:*` of localhost or 127.0.0.1 matches any (desktop product).
   */
  redirect_uris: string[];
  scopes: string[];
  /** `required` for desktop apps; null: PKCE is checked if it is sent. */
  pkce: 'required' | null;
  is_audited: boolean;
  /** The usernames that may sign in; null: everybody. */
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
  /** Rotated refresh tokens: using one again is a finding, an unknown one is not. */
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
  /** int64 as text; the JSON of an answer holds them as bare digits. */
  post_ids: string[];
  created_at: number;
  sent_at: number | null;
  finished_at: number | null;
  photo_images: string[];
  probe: Record<string, unknown> | null;
}

/** What a client did wrong. The real service would refuse or punish a `violation`. */
export interface Finding {
  at: string;
  kind: 'violation' | 'lint';
  rule: string;
  detail: string;
  endpoint: string;
}

export interface Fault {
  /**
   * The end of a path, such as `video/init`, `status/fetch` or `oauth/token`, or `upload` or
   * `processing`.
   */
  endpoint: string;
  kind: string;
  /** How many more matching calls it affects. */
  count: number;
  open_id?: string | undefined;
}

export interface Settings {
  /** Whether daily caps apply; the limits a minute always do. */
  caps: boolean;
  access_seconds: number;
  refresh_seconds: number;
  processing_ms: number;
  oauth_errors_as_200: boolean;
  /** Allows photo URLs by http on loopback, for tests without certificates. */
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
