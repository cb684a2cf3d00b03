// Finds the faults of the environment that show only when several variables are read together.
import type { Parsed } from './settings.ts';

const S3_NEEDS = ['S3_ENDPOINT', 'S3_BUCKET', 'S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'] as const;

/** Returns the faults that show only when several variables are read together. */
export function listCrossFaults(parsed: Parsed, publicUrl: string, isLocal: boolean): string[] {
  return [
    ...listDatabaseFaults(parsed),
    ...listTermFaults(parsed),
    ...listMissing(parsed, isLocal),
    ...listUrlFaults(publicUrl),
  ];
}

function listDatabaseFaults(parsed: Parsed): string[] {
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
  return faults;
}

function listTermFaults({ RECONNECT_WAIT_DAYS, DISCONNECTED_DAYS }: Parsed): string[] {
  if (!((RECONNECT_WAIT_DAYS ?? 0) > DISCONNECTED_DAYS)) return [];
  return [
    `RECONNECT_WAIT_DAYS: expected at most DISCONNECTED_DAYS, ${DISCONNECTED_DAYS}, after which the account is gone.`,
  ];
}

/** Returns the faults of variables that others make required. */
function listMissing(parsed: Parsed, isLocal: boolean): string[] {
  const faults: string[] = [];
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
  return faults;
}

function listUrlFaults(publicUrl: string): string[] {
  if (/[?#]/.test(publicUrl)) return ['PUBLIC_URL: must have no query and no fragment.'];
  if (URL.canParse(publicUrl) && new URL(publicUrl).pathname !== '/')
    return ['PUBLIC_URL: must have no path; PM3K answers at the root of its host.'];
  return [];
}
