// The one argument: everything a module may need, built once from the configuration.
import { resolve } from 'node:path';
import type { z } from 'zod';
import { appSecret } from '../base/app-secret.ts';
import type { Config } from '../base/config.ts';
import { type ConnectionOptions, type Database, openDatabase } from '../base/database.ts';
import type { PersonalData } from '../base/declaration.ts';
import type { Logger } from '../base/log.ts';
import { createSecrets, type Secrets } from '../base/secrets.ts';
import type { MediaFacts } from '../jobs/job.ts';
import { createSafeFetch, type SafeFetch } from '../safe-fetch/fetch.ts';
import { chosenStorage } from '../storage/create-storage.ts';
import type { Storage } from '../storage/storage.ts';
import { createTikTok, type TikTok } from '../tiktok/client.ts';

/** What a look at a freshly arrived file found. */
export interface Inspection {
  content_type: string;
  /** File name extension with its dot, e.g. `.mp4`. */
  extension: string;
  facts: MediaFacts;
}

/** What everybody may know of a module; what it does stands in its manifest. */
export interface Module {
  name: string;
  /** Env name → zod schema with a description (`.describe()`), parsed with the rest at start. */
  settings?: Record<string, z.ZodType>;
  /** Looks at an uploaded file before it is accepted; throws `media_rejected`. One module offers it. */
  inspect?: (
    path: string,
    context: { signal: AbortSignal; log: Logger; settings: Record<string, unknown> },
  ) => Promise<Inspection>;
  /** Required: there is no way to say nothing about personal data. */
  personalData: PersonalData;
}

export interface Context {
  config: Config;
  log: Logger;
  connection: ConnectionOptions;
  db: Database;
  secrets: Secrets;
  storage: Storage;
  tiktok: TikTok;
  /** Fetches what a creator named, behind the guard. */
  safeFetch: SafeFetch;
  modules: Module[];
  /** This process's own folder for working files; emptied at start. */
  scratch: string;
  /** Looks at a file that just arrived; throws `media_rejected`. */
  inspect(path: string, signal: AbortSignal): Promise<Inspection>;
}

/** Opens nothing yet: the database connects with the first query. `ctx.db.destroy()` ends it. */
export function createContext(
  of: Pick<Context, 'config' | 'log' | 'modules' | 'connection' | 'scratch'>,
): Context {
  const { config, log, modules, connection } = of;
  const dataDir = resolve(config.DATA_DIR);
  const inspector = modules.find((module) => module.inspect);
  if (!inspector?.inspect) throw new Error('Expected a module that inspects uploads, found none');
  const { inspect } = inspector;
  return {
    ...of,
    db: openDatabase(connection),
    secrets: createSecrets(config.APP_SECRET ?? [appSecret(dataDir)]),
    storage: chosenStorage(config),
    tiktok: createTikTok({
      clientKey: config.TIKTOK_CLIENT_KEY as string,
      clientSecret: config.TIKTOK_CLIENT_SECRET as string,
      authorizeUrl: config.TIKTOK_AUTHORIZE_URL,
      apiUrl: config.TIKTOK_API_URL,
      uploadHosts: config.TIKTOK_UPLOAD_HOSTS,
    }),
    safeFetch: createSafeFetch({
      allowPrivateNetworks: config.FETCH_ALLOW_PRIVATE_NETWORKS,
      timeoutMs: config.FETCH_TIMEOUT_SECONDS * 1000,
    }),
    inspect: (path, signal) =>
      inspect(path, { signal, log, settings: readModuleSettings(config, inspector) }),
  };
}

/** The values of one module's own settings. */
export function readModuleSettings(config: Config, module: Module): Record<string, unknown> {
  const names = Object.keys(module.settings ?? {});
  return Object.fromEntries(names.map((name) => [name, config.pluginSettings[name]]));
}
