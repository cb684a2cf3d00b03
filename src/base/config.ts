// Reads the environment, once: the only file that knows process.env. All faults are reported together.
import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { isLocalhost } from './localhost.ts';
import { isFolder, SETTINGS } from './settings.ts';

export type PlanName = 'free' | 'trial' | 'paid';

export interface PlanLimits {
  keyDays: number;
  mediaDays: number;
  uploadBytes: number;
  horizonDays: number;
  verifiedUrls: boolean;
}

type Parsed = { [K in keyof typeof SETTINGS]: z.output<(typeof SETTINGS)[K]> };

export type Config = Omit<Parsed, 'PUBLIC_URL' | 'SIGN_UP'> & {
  PUBLIC_URL: string;
  SIGN_UP: 'invite' | 'open';
  /** PUBLIC_URL names this machine. */
  isLocal: boolean;
  plans: Record<PlanName, PlanLimits>;
  /** Settings that plugins declared, by name. */
  pluginSettings: Record<string, unknown>;
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
  pluginSchemas: Record<string, z.ZodType> = {},
): Config {
  const faults: string[] = [];
  const values: Record<string, unknown> = {};
  const pluginSettings: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries({ ...SETTINGS, ...pluginSchemas })) {
    const given = givenValue(name, environment, faults);
    const result = schema.safeParse(given);
    if (!result.success) {
      faults.push(`${name}: ${result.error.issues.map((issue) => issue.message).join('; ')}.`);
    } else if (name in pluginSchemas) pluginSettings[name] = result.data;
    else values[name] = result.data;
  }
  const parsed = values as unknown as Parsed;
  const publicUrl = parsed.PUBLIC_URL ?? `http://localhost:${parsed.PORT ?? 3000}`;
  const isLocal = isLocalhost(publicUrl);
  // One sentence for one fault: what is wrong by itself is not missing as well.
  const told = new Set(faults.map((fault) => fault.split(':')[0]));
  faults.push(
    ...crossFaults(parsed, publicUrl, isLocal).filter(
      (fault) => !told.has(fault.split(':')[0] ?? ''),
    ),
  );
  if (faults.length > 0) throw new ConfigFaults(faults);
  return {
    ...parsed,
    PUBLIC_URL: publicUrl,
    SIGN_UP: parsed.SIGN_UP ?? (isLocal ? 'open' : 'invite'),
    isLocal,
    plans: {
      free: readPlan(values, 'FREE'),
      trial: readPlan(values, 'TRIAL'),
      paid: readPlan(values, 'PAID'),
    },
    pluginSettings,
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

const S3_NEEDS = ['S3_ENDPOINT', 'S3_BUCKET', 'S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'] as const;

/** Faults that show only when several variables are seen together. */
function crossFaults(parsed: Parsed, publicUrl: string, isLocal: boolean): string[] {
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
  if (!isLocal && !parsed.OPERATOR_NAME)
    faults.push('OPERATOR_NAME: is required unless PUBLIC_URL is localhost.');
  if (!isLocal && !parsed.OPERATOR_EMAIL)
    faults.push('OPERATOR_EMAIL: is required unless PUBLIC_URL is localhost.');
  if (parsed.ADMIN_EMAIL !== undefined && parsed.ADMIN_PASSWORD === undefined)
    faults.push('ADMIN_PASSWORD: is required with ADMIN_EMAIL.');
  if (parsed.ADMIN_PASSWORD !== undefined && parsed.ADMIN_EMAIL === undefined)
    faults.push('ADMIN_EMAIL: is required with ADMIN_PASSWORD.');
  if (parsed.OPERATOR_ROLE === 'processor' && !parsed.CONTROLLER_NAME)
    faults.push('CONTROLLER_NAME: is required when OPERATOR_ROLE is processor.');
  if (parsed.STORAGE === 's3') {
    for (const name of S3_NEEDS) {
      if (parsed[name] === undefined) faults.push(`${name}: is required with STORAGE=s3.`);
    }
  }
  if (/[?#]/.test(publicUrl)) faults.push('PUBLIC_URL: must have no query and no fragment.');
  else if (URL.canParse(publicUrl) && new URL(publicUrl).pathname !== '/')
    faults.push('PUBLIC_URL: must have no path; PM3K answers at the root of its host.');
  return faults;
}

function readPlan(values: Record<string, unknown>, plan: string): PlanLimits {
  const of = (name: string) => values[`PLAN_${plan}_${name}`] as number;
  return {
    keyDays: of('KEY_DAYS'),
    mediaDays: of('MEDIA_DAYS'),
    uploadBytes: of('UPLOAD_MB') * 1_000_000,
    horizonDays: of('HORIZON_DAYS'),
    verifiedUrls: values[`PLAN_${plan}_VERIFIED_URLS`] as boolean,
  };
}

/** Needed before the rest can be read: the plugins' schemas are part of the configuration. */
export function pluginsDir(environment: Environment = process.env): string | undefined {
  const folder = givenValue('PLUGINS_DIR', environment, []);
  // One that is not there is told with all other faults, and not here.
  return folder && isFolder(folder) ? folder : undefined;
}
