// Starts the process: config → context → migrate → web and/or worker (ROLE); stops on a signal.
import { accessSync, constants, existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import type { Server } from 'node:http';
import { dirname, resolve } from 'node:path';
import { createApp, listen } from './app.ts';
import { type Config, ConfigFaults, pluginsDir, readConfig } from './base/config.ts';
import { followDatabaseTime } from './base/database-time.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './base/embedded-postgres.ts';
import { createLog, type Logger } from './base/log.ts';
import { migrate } from './base/migrations.ts';
import { EmbeddedPostgresFault } from './base/postgres-programs.ts';
import { closeDataDir, makePrivately } from './base/private-files.ts';
import { SchemaFault } from './base/schema-check.ts';
import { openScratch } from './base/scratch.ts';
import { TIMING, type Timing } from './base/timing.ts';
import type { Context } from './context/context.ts';
import { createContext } from './context/create-context.ts';
import { type ScratchWatch, watchScratch } from './deletion/scratch.ts';
import { loadModules, settingSchemas } from './modules.ts';
import { flushRequests } from './records/request-log/record.ts';
import { startWorker, type Worker } from './worker.ts';

// EX_CONFIG of sysexits.h: a restart helps only after the operator has changed something.
const EXIT_CONFIG = 78;
const FOR_OPERATORS = [ConfigFaults, EmbeddedPostgresFault, SchemaFault];
const STOP_MS = 29_000;

/** Runs until a signal or a fault ends the process. Tests start it with other intervals. */
export async function start(timing: Timing = TIMING): Promise<void> {
  try {
    await run(timing);
  } catch (error) {
    const isForOperator = FOR_OPERATORS.some((type) => error instanceof type);
    if (isForOperator) {
      process.stderr.write(`${(error as Error).message}\n`);
      process.exit(EXIT_CONFIG);
    }
    createLog('error').fatal({ event: 'start.failed', err: error });
    process.exit(1);
  }
}

async function run(timing: Timing): Promise<void> {
  const signalled = listenForSignals();
  const modules = await loadModules(pluginsDir());
  const config = readConfig(undefined, settingSchemas(modules));
  const log = createLog(config.LOG_LEVEL);
  const fault = waitForUnhandled(log);
  warnOfOpenDoors(config, log);
  assertWritable(config.DATA_DIR);
  // From here on: the folders above DATA_DIR are as open as the operator's, since PostgreSQL's user
  // must pass through them.
  makePrivately();
  closeFolders(config, log);
  const postgres = config.DATABASE_URL ? null : await startEmbeddedPostgres(config.DATA_DIR, log);
  const running: Running = {
    ...{ ctx: null, clock: null, scratch: null },
    ...{ server: null, worker: null, postgres },
  };
  try {
    const ctx = createContext({
      ...{ config, log, modules, timing },
      connection: postgres?.connection ?? { connectionString: config.DATABASE_URL as string },
      scratch: openScratch(resolve(config.DATA_DIR), postgres !== null),
    });
    running.ctx = ctx;
    running.clock = await followDatabaseTime(ctx.db, log);
    await migrate(ctx.db, ctx.connection);
    running.scratch = await watchScratch(ctx, postgres !== null);
    for (const module of modules) await module.beforeStart?.(ctx);
    if (config.ROLE !== 'web') running.worker = await startWorker(ctx, modules, postgres !== null);
    running.server = await listen(createApp(ctx, modules), config);
  } catch (error) {
    await stop(running);
    throw error;
  }
  log.info({ event: 'started', role: config.ROLE, url: config.PUBLIC_URL, port: config.PORT });

  const lost = postgres?.died.then(() => new Error('The embedded PostgreSQL ended'));
  const reason = await Promise.race([signalled, fault, ...(lost ? [lost] : [])]);
  log.info({ event: 'stopping', reason: reason instanceof Error ? reason.message : reason });
  setTimeout(() => process.exit(1), STOP_MS).unref();
  await stop(running);
  log.info({ event: 'stopped' });
  process.exit(reason instanceof Error ? 1 : 0);
}

/** Logs a warning for every setting that lets creators reach private networks. */
function warnOfOpenDoors(config: Config, log: Logger): void {
  if (!config.FETCH_ALLOW_PRIVATE_NETWORKS) return;
  log.warn({
    event: 'fetch.private_networks_allowed',
    message:
      'FETCH_ALLOW_PRIVATE_NETWORKS is true: creators can make this machine fetch from its own and private networks. Never run it so where strangers can sign up.',
  });
}

/**
 * Resolves with an error if anything throws outside a handler. The process then ends, since its
 * state is unknown and a new start is safer.
 */
function waitForUnhandled(log: Logger): Promise<Error> {
  return new Promise((resolveFault) => {
    for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
      process.on(event, (error: unknown) => {
        log.error({ event: 'process.fault', err: error });
        resolveFault(new Error('A fault that nobody handled'));
      });
    }
  });
}

/**
 * Resolves at the first SIGTERM or SIGINT. It listens before the start begins: a start that is
 * interrupted would leave the embedded database running, so it is completed first and then stopped.
 * A second signal, or an end that takes longer than 29 seconds, ends the process at once.
 */
function listenForSignals(): Promise<string> {
  return new Promise((resolve) => {
    let isSignalled = false;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (isSignalled) process.exit(1);
        isSignalled = true;
        setTimeout(() => process.exit(1), STOP_MS).unref();
        resolve(signal);
      });
    }
  });
}

/** Checks DATA_DIR before anything is started. Throws ConfigFaults. */
function assertWritable(dataDir: string): void {
  try {
    makeFolder(resolve(dataDir));
    accessSync(dataDir, constants.W_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigFaults([`DATA_DIR: cannot be written to (${code}).`]);
  }
}

/** Makes one folder at a time, since Node's recursive mkdir never returns below /proc. */
function makeFolder(path: string): void {
  if (existsSync(path) && statSync(path).isDirectory()) return;
  if (!existsSync(dirname(path))) makeFolder(dirname(path));
  mkdirSync(path);
}

/** Closes DATA_DIR to other users. PostgreSQL runs as one of them where this process is root. */
function closeFolders({ DATA_DIR, DATABASE_URL }: Config, log: Logger): void {
  const isRoot = process.getuid?.() === 0;
  const refused = closeDataDir(resolve(DATA_DIR), isRoot && DATABASE_URL === undefined);
  if (refused > 0) log.warn({ event: 'data_dir.open', files: refused });
}

interface Running {
  ctx: Context | null;
  clock: { stop(): void } | null;
  scratch: ScratchWatch | null;
  server: Server | null;
  worker: Worker | null;
  postgres: EmbeddedPostgres | null;
}

async function stop({ ctx, clock, scratch, server, worker, postgres }: Running): Promise<void> {
  server?.close();
  server?.closeIdleConnections();
  await worker?.stop();
  server?.closeAllConnections();
  if (ctx) await flushRequests(ctx);
  clock?.stop();
  if (ctx) rmSync(ctx.scratch, { recursive: true, force: true });
  await scratch?.stop();
  await ctx?.db.destroy();
  await postgres?.stop();
}

if (import.meta.main) await start();
