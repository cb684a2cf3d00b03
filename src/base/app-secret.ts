// Generates the APP_SECRET of an instance with an embedded database, in DATA_DIR with mode 0600.
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeOnce } from './make-once.ts';

/** Returns the secret in base64, and generates it at the first call. */
export function appSecret(dataDir: string): string {
  mkdirSync(dataDir, { recursive: true });
  return makeOnce(join(dataDir, 'app-secret'), () => randomBytes(32).toString('base64'));
}
