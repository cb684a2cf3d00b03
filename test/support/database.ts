// Mocha's global set-up, and a fresh database for whoever asks: a clone of a migrated template.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import type { ConnectionOptions } from '../../src/base/database.ts';
import { runAtEnd } from './at-end.ts';
import { askBroker, BROKER_VARIABLE, newBrokerPath } from './broker-client.ts';
import { COMPILED } from './cache.ts';

export { mochaHooks } from './durations.ts';

export interface FreshDatabase {
  connection: ConnectionOptions;
  url: string;
}

// For what the files of tests import, here and in each worker, and for the processes that they start.
enableCompileCache(COMPILED);
process.env['NODE_COMPILE_CACHE'] = COMPILED;

let broker: ChildProcess | undefined;

/**
 * Starts the broker alone; PostgreSQL starts with the first request for a database. A global
 * tear-down does not run on Ctrl-C, but the pipe ends with this process, however it ends.
 */
export function mochaGlobalSetup(): void {
  const path = newBrokerPath();
  // For the workers, which mocha forks after this.
  process.env[BROKER_VARIABLE] = path;
  broker = spawn(process.execPath, [join(import.meta.dirname, 'broker.ts'), path], {
    // In a process group of its own, where a Ctrl-C in the terminal does not reach it.
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILED },
  });
  broker.stdin?.on('error', () => {});
  broker.unref();
  (broker.stdin as unknown as { unref(): void }).unref();
}

/** So that nothing is left when mocha's last line is printed. */
export async function mochaGlobalTeardown(): Promise<void> {
  await runAtEnd();
  if (!broker || broker.exitCode !== null || broker.signalCode !== null) return;
  broker.ref();
  const ended = once(broker, 'exit');
  broker.stdin?.end();
  await ended;
}

/** A fresh database with today's schema; 30 ms. */
export function freshDatabase(): Promise<FreshDatabase> {
  return askBroker('database');
}
