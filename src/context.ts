// The one argument: everything a module may need, built once in main.ts from the configuration.
import type { Config } from './config.ts';
import type { ConnectionOptions, Database } from './database.ts';
import type { Logger } from './log.ts';
import type { Inspection, Manifest } from './plugin.ts';
import type { Secrets } from './secrets.ts';
import type { Storage } from './storage/storage.ts';
import type { TikTok } from './tiktok/client.ts';

export interface Context {
  config: Config;
  log: Logger;
  connection: ConnectionOptions;
  db: Database;
  secrets: Secrets;
  storage: Storage;
  tiktok: TikTok;
  modules: Manifest[];
  /** This process's own folder for working files; emptied at start. */
  scratch: string;
  /** Looks at a file that just arrived; throws `media_rejected`. */
  inspect(path: string, signal: AbortSignal): Promise<Inspection>;
}
