// The control API, for tests and people: shows the state, adds accounts and faults, sets options.
import type Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { bodyText } from './answers.ts';
import { FAULT_KINDS } from './faults.ts';
import { createAccount, createState } from './initial-state.ts';
import { finish, publishNow } from './processing.ts';
import type { App, State } from './state.ts';
import { announce } from './webhooks.ts';

const faultSchema = z.strictObject({
  endpoint: z.enum([
    'creator_info',
    'video/init',
    'inbox/init',
    'content/init',
    'status/fetch',
    'cancel',
    'upload',
    'oauth/token',
    'oauth/revoke',
    'user/info',
    'processing',
  ]),
  kind: z.union([z.enum(FAULT_KINDS), z.string().regex(/^(fail|refuse):[a-z_]+$/)]),
  count: z.int().min(1).max(10_000).default(1),
  open_id: z.string().optional(),
});
const accountSchema = z.strictObject({
  username: z.string().regex(/^[\w.]{2,24}$/),
  nickname: z.string().max(60).optional(),
  bio: z.string().max(200).optional(),
  is_private: z.boolean().optional(),
  is_banned: z.boolean().optional(),
  comment_disabled: z.boolean().optional(),
  duet_disabled: z.boolean().optional(),
  stitch_disabled: z.boolean().optional(),
  max_video_post_duration_sec: z.int().min(1).max(3600).optional(),
});
const settingsSchema = z.strictObject({
  caps: z.boolean().optional(),
  access_seconds: z.number().positive().optional(),
  refresh_seconds: z.number().positive().optional(),
  processing_ms: z.number().min(0).optional(),
  oauth_errors_as_200: z.boolean().optional(),
  allow_insecure_pull: z.boolean().optional(),
  upload_url_seconds: z.number().positive().optional(),
  minute_ms: z.number().positive().optional(),
  inits_per_minute: z.int().positive().optional(),
  statuses_per_minute: z.int().positive().optional(),
  creator_infos_per_minute: z.int().positive().optional(),
});
const appSchema = z.strictObject({
  client_key: z.string().default('sbsandbox'),
  client_secret: z.string().optional(),
  redirect_uris: z.array(z.string()).optional(),
  scopes: z.array(z.string()).optional(),
  pkce: z.enum(['required']).nullable().optional(),
  is_audited: z.boolean().optional(),
  target_users: z.array(z.string()).nullable().optional(),
  verified_domains: z.array(z.string()).optional(),
  webhook_url: z.url().nullable().optional(),
  active_user_cap: z.int().optional(),
});
const endSchema = z.strictObject({ fail_reason: z.string().nullable().default(null) });
const removalSchema = z.strictObject({ username: z.string(), reason: z.int().min(0).max(5) });

export function addControlRoutes(router: Router, state: State): void {
  const post = <S extends z.ZodType>(
    path: string,
    schema: S,
    act: (value: z.output<S>, koa: Context) => unknown,
  ) =>
    router.post(`/sandbox/${path}`, async (koa) => {
      const parsed = schema.safeParse(JSON.parse((await bodyText(koa)) || '{}'));
      koa.status = parsed.success ? 200 : 400;
      koa.body = parsed.success
        ? ((await act(parsed.data, koa)) ?? { ok: true })
        : { errors: parsed.error.issues };
    });

  router.get('/sandbox/state', (koa) => {
    koa.body = view(state);
  });
  post('reset', z.strictObject({}), () => Object.assign(state, createState()));
  post('faults', faultSchema, (fault) => {
    state.faults.push({ ...fault, open_id: fault.open_id });
  });
  post('settings', settingsSchema, (given) => Object.assign(state.settings, defined(given)));
  post('apps', appSchema, (given) => {
    const app = state.apps.find((each) => each.client_key === given.client_key);
    if (app) Object.assign(app, defined(given));
    else state.apps.push(Object.assign(createState().apps[0] as App, defined(given)));
  });
  post('accounts', accountSchema, (given) => {
    const known = state.accounts.find((each) => each.username === given.username);
    const target = known ?? createAccount(given.username, given.nickname ?? given.username);
    if (!known) state.accounts.push(target);
    return Object.assign(target, defined(given));
  });
  post('removals', removalSchema, ({ username, reason }) => remove(state, username, reason));
  post('posts/:publish_id/finish', endSchema, ({ fail_reason }, koa) => {
    const publish = find(state, koa);
    if (publish) finish(state, publish, fail_reason);
  });
  post('posts/:publish_id/publish', z.strictObject({}), (_, koa) => {
    const publish = find(state, koa);
    if (publish) publishNow(publish);
  });
}

function find(state: State, koa: Context) {
  const { publish_id } = (koa as unknown as { params: Record<string, string> }).params;
  return state.publishes.find((each) => each.publish_id === publish_id);
}

/**
 * Withdraws the person's permission, as in TikTok's app: ends the tokens, then calls the webhook.
 */
function remove(state: State, username: string, reason: number): void {
  const target = state.accounts.find((each) => each.username === username);
  for (const grant of state.grants.filter((each) => each.open_id === target?.open_id)) {
    state.grants.splice(state.grants.indexOf(grant), 1);
    announce(state, grant, 'authorization.removed', { reason });
  }
}

function defined<T extends object>(given: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  ) as Partial<T>;
}

/** Returns the whole state without tokens and secrets. */
function view(state: State) {
  return {
    accounts: state.accounts,
    posts: state.publishes.map(({ upload_token: _, ...publish }) => ({
      ...publish,
      username: state.accounts.find((each) => each.open_id === publish.open_id)?.username ?? null,
    })),
    violations: state.findings.filter((each) => each.kind === 'violation'),
    lints: state.findings.filter((each) => each.kind === 'lint'),
    webhooks: state.webhooks,
    revocations: state.revocations,
    grants: state.grants.map(({ open_id, scopes }) => ({ open_id, scopes })),
    settings: state.settings,
    faults: state.faults,
  };
}
