// Reads the environment, once: the only file that knows process.env. All faults are reported together.
// Long, because half of it is the table of settings.
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { isLocalhost } from './localhost.ts';

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

/** The core's own settings; a plugin declares its own in its manifest. Order is the README's. */
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
    .default(['*.tiktokapis.com'])
    .describe(
      'Hosts (`host` or `host:port`, `*.` allowed) that bytes may be sent to; an upload address anywhere else is refused.',
    ),
  OPERATOR_NAME: z.string().min(1).optional().describe('Your name or firm, on the public pages.'),
  OPERATOR_EMAIL: z
    .email()
    .optional()
    .describe('Your contact address. Name and email are required unless PUBLIC_URL is localhost.'),
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
  STORAGE_MAX_GB: count(0)
    .default(0)
    .describe(
      'All media together, in GB; 0: until the disk is full. Beyond it uploads are refused.',
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
  TRUST_PROXY: count(0, 10)
    .default(0)
    .describe('How many reverse proxies stand before us (for the client’s IP).'),
  WORKER_CONCURRENCY: count(1, 200)
    .default(4)
    .describe('Steps other than media work that run at once in a process.'),
  TRANSCODE_CONCURRENCY: count(1, 64)
    .default(Math.max(1, Math.floor(availableParallelism() / 2)))
    .describe('Media steps that run at once in a process. Default: half the cores, at least 1.'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error'])
    .default('info')
    .describe('`trace`, `debug`, `info`, `warn` or `error`.'),
  METRICS_TOKEN: z
    .string()
    .min(16)
    .optional()
    .describe('Bearer token for /metrics. Unset: it answers loopback only, never through a proxy.'),
  PLUGINS_DIR: z
    .string()
    .optional()
    .describe('A folder with your own plugins, loaded beside the built-in ones.'),
} satisfies Record<string, z.ZodType>;

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
  } as Record<`PLAN_${string}`, z.ZodType<number>>;
}

export type PlanName = 'free' | 'trial' | 'paid';

export interface PlanLimits {
  key_days: number;
  media_days: number;
  upload_bytes: number;
  horizon_days: number;
}

type Parsed = { [K in keyof typeof SETTINGS]: z.output<(typeof SETTINGS)[K]> };

export type Config = Omit<Parsed, 'PUBLIC_URL' | 'SIGN_UP'> & {
  PUBLIC_URL: string;
  SIGN_UP: 'invite' | 'open';
  /** PUBLIC_URL names this machine. */
  is_local: boolean;
  plans: Record<PlanName, PlanLimits>;
  /** Settings that plugins declared, by name. */
  plugin_settings: Record<string, unknown>;
};

/** Thrown with every fault of the environment, one sentence each; the process then exits 78. */
export class ConfigFaults extends Error {
  readonly faults: string[];
  constructor(faults: string[]) {
    super(`The configuration has ${faults.length} fault(s):\n- ${faults.join('\n- ')}`);
    this.faults = faults;
  }
}

type Environment = Record<string, string | undefined>;

/** Parses the environment by the core's schemas and those of the given plugins. */
export function readConfig(
  environment: Environment = process.env,
  plugin_schemas: Record<string, z.ZodType> = {},
): Config {
  const faults: string[] = [];
  const values: Record<string, unknown> = {};
  const plugin_settings: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries({ ...SETTINGS, ...plugin_schemas })) {
    const given = givenValue(name, environment, faults);
    const result = schema.safeParse(given);
    if (!result.success) {
      faults.push(`${name}: ${result.error.issues.map((issue) => issue.message).join('; ')}.`);
    } else if (name in plugin_schemas) plugin_settings[name] = result.data;
    else values[name] = result.data;
  }
  const parsed = values as unknown as Parsed;
  const public_url = parsed.PUBLIC_URL ?? `http://localhost:${parsed.PORT}`;
  const is_local = isLocalhost(public_url);
  faults.push(...crossFaults(parsed, public_url, is_local));
  if (faults.length > 0) throw new ConfigFaults(faults);
  return {
    ...parsed,
    PUBLIC_URL: public_url,
    SIGN_UP: parsed.SIGN_UP ?? (is_local ? 'open' : 'invite'),
    is_local,
    plans: {
      free: planOf(values, 'FREE'),
      trial: planOf(values, 'TRIAL'),
      paid: planOf(values, 'PAID'),
    },
    plugin_settings,
  };
}

/** The variable itself, or the contents of the file that `NAME_FILE` names; empty counts as unset. */
function givenValue(name: string, environment: Environment, faults: string[]): string | undefined {
  const direct = environment[name] || undefined;
  const path = environment[`${name}_FILE`] || undefined;
  if (direct !== undefined && path !== undefined) {
    faults.push(`${name}: is given twice, by ${name} and by ${name}_FILE. Keep one.`);
  }
  if (path === undefined) return direct;
  try {
    return readFileSync(path, 'utf8').trim() || undefined;
  } catch (error) {
    faults.push(
      `${name}_FILE: cannot read the file it names (${(error as NodeJS.ErrnoException).code}).`,
    );
    return undefined;
  }
}

/** Faults that show only when several variables are seen together. */
function crossFaults(parsed: Parsed, public_url: string, is_local: boolean): string[] {
  const faults: string[] = [];
  if (parsed.DATABASE_URL === undefined && parsed.ROLE && parsed.ROLE !== 'all') {
    faults.push(
      `ROLE: ${parsed.ROLE} needs DATABASE_URL; the embedded database serves one process.`,
    );
  }
  if (parsed.DATABASE_URL !== undefined && parsed.APP_SECRET === undefined) {
    faults.push(
      'APP_SECRET: is required with DATABASE_URL. Make one with `openssl rand -base64 32`.',
    );
  }
  for (const secret of parsed.APP_SECRET ?? []) {
    if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(secret) || Buffer.from(secret, 'base64').length < 32) {
      faults.push(
        'APP_SECRET: expected 32 or more bytes in base64. Make one with `openssl rand -base64 32`.',
      );
    }
  }
  if (!parsed.TIKTOK_CLIENT_KEY)
    faults.push('TIKTOK_CLIENT_KEY: is required; it is your TikTok app’s client key.');
  if (!parsed.TIKTOK_CLIENT_SECRET)
    faults.push('TIKTOK_CLIENT_SECRET: is required; it is your TikTok app’s client secret.');
  if (!is_local && !parsed.OPERATOR_NAME)
    faults.push('OPERATOR_NAME: is required unless PUBLIC_URL is localhost.');
  if (!is_local && !parsed.OPERATOR_EMAIL)
    faults.push('OPERATOR_EMAIL: is required unless PUBLIC_URL is localhost.');
  if (/[?#]/.test(public_url)) faults.push('PUBLIC_URL: must have no query and no fragment.');
  return faults;
}

function planOf(values: Record<string, unknown>, plan: string): PlanLimits {
  const of = (name: string) => values[`PLAN_${plan}_${name}`] as number;
  return {
    key_days: of('KEY_DAYS'),
    media_days: of('MEDIA_DAYS'),
    upload_bytes: of('UPLOAD_MB') * 1_000_000,
    horizon_days: of('HORIZON_DAYS'),
  };
}

/** Needed before the rest can be read: the plugins' schemas are part of the configuration. */
export function pluginsDir(environment: Environment = process.env): string | undefined {
  return givenValue('PLUGINS_DIR', environment, []);
}
