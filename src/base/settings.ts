// The table of settings: each variable with its schema, its default and a sentence for the README.
// It is longer than 200 lines because it is one table, in the order of the README.
import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { z } from 'zod';

const flag = z.enum(['true', 'false']).transform((text) => text === 'true');
const count = (min: number, max = 1_000_000) =>
  z
    .string()
    .regex(/^\d+$/, 'Expected a whole number')
    .transform(Number)
    .pipe(z.number().min(min).max(max));
const httpUrl = z
  .url({ protocol: /^https?$/, error: 'Expected an http or https URL' })
  .transform((text) => text.replace(/\/+$/, ''));
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean),
);

/** The core's settings, in the order of the README. A plugin declares its own in its manifest. */
export const SETTINGS = {
  HOST: z.string().default('0.0.0.0').describe('Address to listen on.'),
  PORT: count(0, 65_535).default(3000).describe('Port to listen on.'),
  PUBLIC_URL: httpUrl
    .optional()
    .describe(
      'How browsers and TikTok reach us; the OAuth redirect is `PUBLIC_URL/auth/tiktok/callback`. Default: `http://localhost:PORT`.',
    ),
  ROLE: z
    .enum(['all', 'web', 'worker'])
    .default('all')
    .describe('Which part this process runs: `all`, `web` or `worker`.'),
  DATA_DIR: z
    .string()
    .default('./data')
    .describe('The one volume: embedded database, media, generated secret, scratch.'),
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/, error: 'Expected a postgres:// URL' })
    .optional()
    .describe('PostgreSQL 14 or newer; unset: an embedded PostgreSQL in `DATA_DIR/postgres`.'),
  APP_SECRET: list
    .optional()
    .describe(
      '32 or more random bytes, base64. A comma-separated list: the first encrypts, all decrypt (rotation). Generated into DATA_DIR when the database is embedded, else required.',
    ),
  TIKTOK_CLIENT_KEY: z.string().min(1).optional().describe('Client key of your TikTok app.'),
  TIKTOK_CLIENT_SECRET: z.string().min(1).optional().describe('Client secret of your TikTok app.'),
  TIKTOK_SCOPES: list
    .refine((scopes) => scopes.every((scope) => /^[a-z]+(\.[a-z]+)+$/.test(scope)), {
      error: 'Expected scopes such as user.info.basic, separated by commas',
    })
    .default(['user.info.basic', 'video.publish', 'video.upload'])
    .describe(
      'Scopes to ask for. One that TikTok has not approved for your app fails every sign-in.',
    ),
  TIKTOK_APP_AUDITED: flag
    .default(false)
    .describe('Whether TikTok has audited your app; unaudited apps post only privately.'),
  TIKTOK_PKCE: z
    .enum(['auto', 'on', 'off'])
    .default('auto')
    .describe(
      '`auto`: hex SHA-256 PKCE when PUBLIC_URL is http on localhost (TikTok’s desktop login), none for https.',
    ),
  TIKTOK_AUTHORIZE_URL: z
    .url()
    .default('https://www.tiktok.com/v2/auth/authorize/')
    .describe('TikTok’s consent page; another one for a sandbox.'),
  TIKTOK_API_URL: httpUrl
    .default('https://open.tiktokapis.com')
    .describe('TikTok’s API; another one for a sandbox.'),
  TIKTOK_UPLOAD_HOSTS: list
    .refine(
      (hosts) =>
        hosts.every((host) => /^(\*\.)?[\w.-]+(:\d+)?$|^\[[\da-f:]+\](:\d+)?$/i.test(host)),
      {
        error: 'Expected hosts such as *.tiktokapis.com or 127.0.0.1:3900, without https://',
      },
    )
    .default(['*.tiktokapis.com'])
    .describe(
      'Hosts (`host` or `host:port`, `*.` allowed) that bytes may be sent to; an upload address anywhere else is refused.',
    ),
  OPERATOR_NAME: z.string().min(1).optional().describe('Your name or firm, on the public pages.'),
  OPERATOR_EMAIL: z
    .email()
    .optional()
    .describe('Your contact address. Name and email are required unless PUBLIC_URL is localhost.'),
  OPERATOR_ADDRESS: z.string().optional().describe('Your postal address, on the legal pages.'),
  OPERATOR_LOGO: z
    .url({ protocol: /^https$/, error: 'Expected an https URL' })
    .optional()
    .describe('https address of your logo, on the public pages.'),
  OPERATOR_DPO: z
    .string()
    .optional()
    .describe('Your data protection officer’s name and contact, on the privacy page.'),
  OPERATOR_AUTHORITY: z
    .string()
    .optional()
    .describe('The supervisory authority for complaints, on the privacy page.'),
  OPERATOR_ROLE: z
    .enum(['controller', 'processor'])
    .default('controller')
    .describe('Your role under data protection law: `controller` or `processor`.'),
  CONTROLLER_NAME: z
    .string()
    .optional()
    .describe('For a processor: the controller on whose behalf it runs.'),
  ADMIN_EMAIL: z.email().optional().describe('Email of the first operator, made at start.'),
  ADMIN_PASSWORD: z
    .string()
    .min(12, 'Expected 12 or more characters')
    .optional()
    .describe('Password of that operator; set anew only when this value changed.'),
  TIKTOK_SITE_VERIFICATION: z
    .string()
    .regex(/^[\w.-]+=.+$/, 'Expected file name=content, as TikTok gives them')
    .optional()
    .describe('`file name=content` of TikTok’s signature file, served at the root.'),
  SIGN_UP: z
    .enum(['invite', 'open'])
    .optional()
    .describe('Who may connect. Default: `invite`; `open` when PUBLIC_URL is localhost.'),
  DEFAULT_PLAN: z
    .enum(['free', 'trial', 'paid'])
    .default('paid')
    .describe('Plan of a new creator: `free`, `trial` or `paid`.'),
  TRIAL_DAYS: count(1, 3650).default(14).describe('How long a trial lasts, in days.'),
  ...planSettings('FREE', { key_days: 7, media_days: 3, upload_mb: 100, horizon_days: 3 }),
  ...planSettings('TRIAL', { key_days: 14, media_days: 30, upload_mb: 200, horizon_days: 30 }),
  ...planSettings('PAID', { key_days: 365, media_days: 30, upload_mb: 4000, horizon_days: 30 }),
  PLAN_FREE_VERIFIED_URLS: verifiedUrls('free'),
  PLAN_TRIAL_VERIFIED_URLS: verifiedUrls('trial'),
  PLAN_PAID_VERIFIED_URLS: verifiedUrls('paid'),
  POSTS_PER_DAY: count(0, 1000)
    .default(10)
    .describe('Most posts of one creator in any 24 hours; 0 is off.'),
  POST_SPACING_SECONDS: count(0, 86_400)
    .default(3600)
    .describe('Least time between two posts of one creator, in seconds; 0 is off.'),
  DISCONNECTED_DAYS: count(0, 3650)
    .default(30)
    .describe('How long an account whose TikTok permission is gone is kept, in days.'),
  RECONNECT_WAIT_DAYS: count(0, 3650)
    .optional()
    .describe(
      'How long posts wait when TikTok no longer takes our token, until the creator connects again, in days; at most DISCONNECTED_DAYS. Default: `7`, or DISCONNECTED_DAYS if that is less.',
    ),
  JOB_HISTORY_DAYS: count(1, 36_500)
    .default(365)
    .describe('How long ended posts are kept in the history, in days.'),
  INACTIVE_DAYS: count(0, 36_500)
    .default(0)
    .describe('After how many days without any use an account is erased; 0 is off.'),
  REQUEST_RETENTION_DAYS: count(1, 36_500)
    .default(365)
    .describe('How long receipts and the bare record of deletion requests are kept, in days.'),
  BACKUP_DAYS: count(1, 3650).default(30).describe('How long backups are kept, in days.'),
  STATISTICS_MIN_CREATORS: count(2, 1000)
    .default(5)
    .describe('How many people must have contributed before a total is kept.'),
  LOG_RETENTION_DAYS: count(1, 90)
    .default(90)
    .describe('How long the request log is kept, in days; at most 90.'),
  STORAGE_MAX_GB: count(0)
    .default(0)
    .describe(
      'All media together, in GB; 0: until the disk is full. Beyond it uploads are refused.',
    ),
  STORAGE: z
    .enum(['disk', 's3'])
    .default('disk')
    .describe('Where media are kept: `disk` (`DATA_DIR/media`), or `s3` with the settings below.'),
  S3_ENDPOINT: httpUrl
    .optional()
    .describe('Address of an S3-compatible server, e.g. `https://s3.eu-central-1.amazonaws.com`.'),
  S3_REGION: z.string().min(1).default('us-east-1').describe('Region that the server expects.'),
  S3_BUCKET: z
    .string()
    .regex(/^[a-z\d][a-z\d.-]{1,61}[a-z\d]$/, 'Expected the name of a bucket')
    .optional()
    .describe('Bucket for the media, used by this instance alone and without versioning.'),
  S3_ACCESS_KEY_ID: z.string().min(1).optional().describe('Access key of the bucket.'),
  S3_SECRET_ACCESS_KEY: z.string().min(1).optional().describe('Its secret.'),
  S3_FORCE_PATH_STYLE: flag
    .default(true)
    .describe(
      '`true`: the bucket stands in the path, as most servers have it; `false`: in the host.',
    ),
  API_REQUESTS_PER_MINUTE: count(0)
    .default(600)
    .describe('Requests a minute per API key; 0 is off.'),
  SIGN_INS_PER_MINUTE: count(0).default(10).describe('Sign-ins a minute per IP; 0 is off.'),
  TIKTOK_INITS_PER_MINUTE: count(1)
    .default(6)
    .describe('TikTok’s limit of new posts a minute per creator; higher only for a sandbox.'),
  TIKTOK_STATUS_PER_MINUTE: count(1)
    .default(30)
    .describe(
      'TikTok’s limit of status questions a minute per creator; higher only for a sandbox.',
    ),
  FETCH_TIMEOUT_SECONDS: count(1, 600)
    .default(30)
    .describe('Verified URLs: how long a source may take to its first byte, or be silent.'),
  FETCH_ALLOW_PRIVATE_NETWORKS: flag
    .default(false)
    .describe(
      'Verified URLs: also from private addresses, by http and from any port. For a closed test network only.',
    ),
  TRUST_PROXY: count(0, 10)
    .default(0)
    .describe('How many reverse proxies stand before us (for the client’s IP).'),
  WORKER_CONCURRENCY: count(1, 200)
    .default(4)
    .describe(
      'Per process, how many fetches run at once, how many posts are sent, how many confirmed, and how many chores run.',
    ),
  TRANSCODE_CONCURRENCY: count(1, 64)
    .default(Math.max(1, Math.floor(availableParallelism() / 2)))
    .describe('Conversions that run at once in a process. Default: half the cores, at least 1.'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error'])
    .default('info')
    .describe('`trace`, `debug`, `info`, `warn` or `error`.'),
  METRICS_TOKEN: z
    .string()
    .min(16)
    .optional()
    .describe('Bearer token for /metrics. Unset: it answers loopback only, never through a proxy.'),
  SOURCE_URL: z
    .url({ protocol: /^https?$/, error: 'Expected an http or https URL' })
    .optional()
    .describe(
      'Where the source of the running version is; the foot of every page links to it. The licence (AGPL) asks for it if you changed PM3K.',
    ),
  PLUGINS_DIR: z
    .string()
    .refine(isFolder, 'Expected a folder that exists')
    .optional()
    .describe('A folder with your own plugins, loaded beside the built-in ones.'),
} satisfies Record<string, z.ZodType>;

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function planSettings(
  plan: 'FREE' | 'TRIAL' | 'PAID',
  defaults: { key_days: number; media_days: number; upload_mb: number; horizon_days: number },
) {
  const name = plan.toLowerCase();
  return {
    [`PLAN_${plan}_KEY_DAYS`]: count(1, 36_500)
      .default(defaults.key_days)
      .describe(`Plan ${name}: API key lifetime, in days.`),
    [`PLAN_${plan}_MEDIA_DAYS`]: count(1, 36_500)
      .default(defaults.media_days)
      .describe(`Plan ${name}: how long uploads are kept, in days.`),
    [`PLAN_${plan}_UPLOAD_MB`]: count(1, 4295)
      .default(defaults.upload_mb)
      .describe(`Plan ${name}: largest upload, in MB (1,000,000 bytes).`),
    [`PLAN_${plan}_HORIZON_DAYS`]: count(1, 3650)
      .default(defaults.horizon_days)
      .describe(`Plan ${name}: how far ahead a post may be scheduled, in days.`),
  } as Record<`PLAN_${string}_${'DAYS' | 'MB'}`, z.ZodType<number>>;
}

function verifiedUrls(plan: string) {
  return flag
    .default(true)
    .describe(`Plan ${plan}: whether posts may be made from URLs on verified domains.`);
}

/** The values of all settings of the core, as their schemas make them. */
export type Parsed = { [K in keyof typeof SETTINGS]: z.output<(typeof SETTINGS)[K]> };
