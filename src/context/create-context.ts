// Builds the context once from the configuration.
import { resolve } from 'node:path';
import { appSecret } from '../base/app-secret.ts';
import type { Config } from '../base/config.ts';
import { openDatabase } from '../base/database.ts';
import { createSecrets } from '../base/secrets.ts';
import { createContinuity } from '../continuity/continuity.ts';
import { createDatabaseContact } from '../queue/database-contact.ts';
import { createSafeFetch } from '../safe-fetch/fetch.ts';
import { createStorage } from '../storage/create-storage.ts';
import { createTikTok } from '../tiktok/client.ts';
import type { Context, Manifest } from './context.ts';

/**
 * Connects to nothing yet: the database connects at the first query, and `ctx.db.destroy()` closes.
 */
export function createContext(
  of: Pick<Context, 'config' | 'log' | 'modules' | 'connection' | 'scratch' | 'timing'>,
): Context {
  const { config, log, modules, connection } = of;
  const dataDir = resolve(config.DATA_DIR);
  const inspector = modules.find((module) => module.inspect);
  if (!inspector?.inspect) throw new Error('Expected a module that inspects uploads, found none');
  const { inspect } = inspector;
  const db = openDatabase(connection, { limitMs: of.timing.queryMs });
  const storage = createStorage(config);
  return {
    ...{ ...of, db, storage },
    databaseContact: createDatabaseContact(of.timing),
    continuity: createContinuity({ db, storage }),
    secrets: createSecrets(config.APP_SECRET ?? [appSecret(dataDir)]),
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

/** Returns the values of one module's own settings, by name. */
export function readModuleSettings(config: Config, module: Manifest): Record<string, unknown> {
  const names = Object.keys(module.settings ?? {});
  return Object.fromEntries(names.map((name) => [name, config.pluginSettings[name]]));
}
