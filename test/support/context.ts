// The appliance's context without its processes, for tests that call its parts directly.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../src/base/config.ts';
import { createLog } from '../../src/base/log.ts';
import { TIMING } from '../../src/base/timing.ts';
import type { Context } from '../../src/context/context.ts';
import { createContext } from '../../src/context/create-context.ts';
import { loadModules, settingSchemas } from '../../src/modules.ts';
import { type Env, TEST_SECRET } from './appliance.ts';
import { freshDatabase } from './database.ts';
import { PROMPT } from './timing.ts';

/** Ends with `ctx.db.destroy()`. */
export async function aContext(of: {
  database_url: string;
  data_dir: string;
  tiktok_url: string;
  env?: Env;
}): Promise<Context> {
  const modules = await loadModules();
  const config = readConfig(
    {
      DATABASE_URL: of.database_url,
      DATA_DIR: of.data_dir,
      APP_SECRET: TEST_SECRET,
      TIKTOK_CLIENT_KEY: 'sbsandbox',
      TIKTOK_CLIENT_SECRET: 'sandbox-secret',
      TIKTOK_AUTHORIZE_URL: `${of.tiktok_url}/v2/auth/authorize/`,
      TIKTOK_API_URL: of.tiktok_url,
      TIKTOK_UPLOAD_HOSTS: new URL(of.tiktok_url).host,
      POSTS_PER_DAY: '0',
      POST_SPACING_SECONDS: '0',
      ...of.env,
    },
    settingSchemas(modules),
  );
  const scratch = join(of.data_dir, 'scratch', 'test');
  mkdirSync(scratch, { recursive: true });
  return createContext({
    config,
    log: createLog('error'),
    modules,
    timing: { ...TIMING, ...PROMPT, rewriteGatherMs: 0 },
    connection: { connectionString: of.database_url },
    scratch,
  });
}

export interface OwnContext extends AsyncDisposable {
  ctx: Context;
  database_url: string;
  data_dir: string;
}

/** One with a database and a folder of its own; unless told where it is, TikTok cannot be reached. */
export async function anOwnContext({
  tiktok_url = 'http://127.0.0.1:9',
  env = {},
}: {
  tiktok_url?: string;
  env?: Env;
} = {}): Promise<OwnContext> {
  const { url: databaseUrl } = await freshDatabase();
  const dataDir = mkdtempSync(join(tmpdir(), 'pm3k-context-'));
  const ctx = await aContext({ database_url: databaseUrl, data_dir: dataDir, tiktok_url, env });
  return {
    ...{ ctx, database_url: databaseUrl, data_dir: dataDir },
    async [Symbol.asyncDispose]() {
      await ctx.db.destroy();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
