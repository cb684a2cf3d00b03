// Composition root: config → context → migrate → web and/or worker (ROLE); stops both on a signal.
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { createApp, listen } from './app.ts';
import { ConfigFaults, pluginsDir, readConfig } from './config.ts';
import { type Context, createContext } from './context.ts';
import { migrate } from './database.ts';
import {
  type EmbeddedPostgres,
  EmbeddedPostgresFault,
  startEmbeddedPostgres,
} from './embedded-postgres.ts';
import { createLog } from './log.ts';
import { loadModules, settingSchemas } from './modules.ts';
import { startWorker, type Worker } from './worker.ts';

// sysexits.h EX_CONFIG: the operator has to change something before a restart can help.
const EXIT_CONFIG = 78;
const STOP_MS = 29_000;

async function main(): Promise<void> {
  const signalled = listenForSignals();
  const modules = await loadModules(pluginsDir());
  const config = readConfig(undefined, settingSchemas(modules));
  const log = createLog(config.LOG_LEVEL);
  const postgres = config.DATABASE_URL ? null : await startEmbeddedPostgres(config.DATA_DIR, log);
  const ctx = createContext({
    config,
    log,
    modules,
    connection: postgres?.connection ?? { connectionString: config.DATABASE_URL as string },
    scratch: emptyScratch(resolve(config.DATA_DIR)),
  });
  let worker: Worker | null = null;
  let server: Server | null = null;
  try {
    await migrate(ctx.db, ctx.connection);
    for (const module of modules) await module.before_start?.(ctx);
    if (config.ROLE !== 'web') worker = await startWorker(ctx, postgres !== null);
    server = await listen(createApp(ctx), config);
  } catch (error) {
    await stop(ctx, server, worker, postgres);
    throw error;
  }
  log.info({ event: 'started', role: config.ROLE, url: config.PUBLIC_URL, port: config.PORT });

  const broken = Promise.race([
    worker?.failed ?? new Promise<never>(() => {}),
    postgres?.died.then(() => Promise.reject(new Error('The embedded PostgreSQL ended'))) ??
      new Promise<never>(() => {}),
  ]);
  const reason = await Promise.race([signalled, broken]).catch((error) => error as Error);
  log.info({ event: 'stopping', reason: reason instanceof Error ? reason.message : reason });
  setTimeout(() => process.exit(1), STOP_MS).unref();
  await stop(ctx, server, worker, postgres);
  log.info({ event: 'stopped' });
  process.exit(reason instanceof Error ? 1 : 0);
}

/**
 * From the first line on: a signal during the start must not leave the embedded database behind, so
 * the start is seen through and then stopped. A second signal, or an end that takes too long, does
 * not wait any more.
 */
function listenForSignals(): Promise<string> {
  return new Promise((resolve) => {
    let is_signalled = false;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (is_signalled) process.exit(1);
        is_signalled = true;
        setTimeout(() => process.exit(1), STOP_MS).unref();
        resolve(signal);
      });
    }
  });
}

/** This process's own folder; those of processes of this machine that are gone are removed. */
function emptyScratch(data_dir: string): string {
  const all = join(data_dir, 'scratch');
  mkdirSync(all, { recursive: true });
  for (const name of readdirSync(all)) {
    const [, host, pid] = /^(.+)-(\d+)$/.exec(name) ?? [];
    if (host === hostname() && !isAlive(Number(pid))) rmSync(join(all, name), { recursive: true });
  }
  const own = join(all, `${hostname()}-${process.pid}`);
  rmSync(own, { recursive: true, force: true });
  mkdirSync(own, { recursive: true, mode: 0o700 });
  return own;
}

function isAlive(pid: number): boolean {
  try {
    return pid !== process.pid && process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function stop(
  ctx: Context,
  server: Server | null,
  worker: Worker | null,
  postgres: EmbeddedPostgres | null,
): Promise<void> {
  server?.close();
  server?.closeIdleConnections();
  await worker?.stop();
  server?.closeAllConnections();
  await ctx.db.destroy();
  await postgres?.stop();
  rmSync(ctx.scratch, { recursive: true, force: true });
}

main().catch((error) => {
  if (error instanceof ConfigFaults || error instanceof EmbeddedPostgresFault) {
    process.stderr.write(`${error.message}\n`);
    process.exit(EXIT_CONFIG);
  }
  createLog('error').fatal({ event: 'start.failed', err: error });
  process.exit(1);
});
