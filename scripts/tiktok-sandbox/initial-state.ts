// Builds the state with which a sandbox starts.
import { randomBytes } from 'node:crypto';
import type { Account, State } from './state.ts';

const SCOPES = ['user.info.basic', 'user.info.profile', 'video.publish', 'video.upload'];

/** Returns a fresh sandbox with one app and four accounts. */
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
      createAccount('sample', 'Sample Creator'),
      createAccount('nour.films', 'نور للأفلام'),
      createAccount('sunny', '🌻 Sunny days 🌻'),
      { ...createAccount('quiet', 'Quiet (private)'), is_private: true },
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

/** Returns an account that may post everything. */
export function createAccount(username: string, nickname: string): Account {
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
