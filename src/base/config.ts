// Reads the environment once and reports all faults together; no other file uses process.env.
import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { listCrossFaults } from './config-faults.ts';
import { isLocalhost } from './localhost.ts';
import { isFolder, type Parsed, SETTINGS } from './settings.ts';

export type PlanName = 'free' | 'trial' | 'paid';

/** What the plan of a creator allows. */
export interface PlanLimits {
  /** How long an API key works. */
  keyDays: number;
  /** How long uploads are kept. */
  mediaDays: number;
  uploadBytes: number;
  /** How far ahead a post may be scheduled. */
  horizonDays: number;
  /** Whether posts may be made from URLs on verified domains. */
  verifiedUrls: boolean;
}

export type Config = Omit<Parsed, 'PUBLIC_URL' | 'SIGN_UP' | 'RECONNECT_WAIT_DAYS'> & {
  RECONNECT_WAIT_DAYS: number;
  PUBLIC_URL: string;
  SIGN_UP: 'invite' | 'open';
  /** True if PUBLIC_URL names this machine. */
  isLocal: boolean;
  plans: Record<PlanName, PlanLimits>;
  /** The values of settings that plugins declared, by name. */
  pluginSettings: Record<string, unknown>;
};

/**
 * Thrown with every fault of the environment, one sentence each. The process then exits with 78.
 */
export class ConfigFaults extends Error {
  readonly faults: string[];
  constructor(faults: string[]) {
    super(`The configuration has ${faults.length} fault(s):\n- ${faults.join('\n- ')}`);
    this.faults = faults;
  }
}

type Environment = Record<string, string | undefined>;

/**
 * Parses the environment by the schemas of the core and of the plugins.
 * @throws ConfigFaults with every fault.
 */
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
  // A variable that is wrong by itself is not also reported as missing.
  const reported = new Set(faults.map((fault) => fault.split(':')[0]));
  faults.push(
    ...listCrossFaults(parsed, publicUrl, isLocal).filter(
      (fault) => !reported.has(fault.split(':')[0] ?? ''),
    ),
  );
  if (faults.length > 0) throw new ConfigFaults(faults);
  return {
    ...parsed,
    PUBLIC_URL: publicUrl,
    SIGN_UP: parsed.SIGN_UP ?? (isLocal ? 'open' : 'invite'),
    RECONNECT_WAIT_DAYS: parsed.RECONNECT_WAIT_DAYS ?? Math.min(7, parsed.DISCONNECTED_DAYS),
    isLocal,
    plans: {
      free: readPlan(values, 'FREE'),
      trial: readPlan(values, 'TRIAL'),
      paid: readPlan(values, 'PAID'),
    },
    pluginSettings,
  };
}

/**
 * Returns the variable itself, or the contents of the file that `NAME_FILE` names. Empty counts as
 * unset. Adds to `faults` what is wrong.
 */
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

/**
 * Returns the folder of the operator's own plugins. It is read before the rest, since the schemas
 * of the plugins are part of the configuration.
 */
export function pluginsDir(environment: Environment = process.env): string | undefined {
  const folder = givenValue('PLUGINS_DIR', environment, []);
  // A folder that does not exist is reported later, together with all other faults.
  return folder && isFolder(folder) ? folder : undefined;
}
