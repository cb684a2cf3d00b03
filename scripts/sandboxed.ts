// Starts the TikTok sandbox and the appliance as child processes, for the demo and for development.
import { type ChildProcess, spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const ROOT = resolve(import.meta.dirname, '..');

export interface Sandboxed extends AsyncDisposable {
  appUrl: string;
  sandboxUrl: string;
  /** Settles when SIGINT or SIGTERM arrives, or when one of the two processes ends. */
  ended: Promise<void>;
  /** Waits until both answer. Throws when one of them ends before, or after `timeoutMs`. */
  waitUntilReady(timeoutMs?: number): Promise<void>;
}

export interface SandboxedOptions {
  appPort: number;
  sandboxPort: number;
  dataDir: string;
  /** Options of Node for both processes, e.g. `--watch`. */
  nodeOptions?: string[];
  /** Options of Node for the appliance alone, e.g. `--inspect`. */
  appNodeOptions?: string[];
  /** Settings of the appliance beside those that the sandbox needs. */
  env?: Record<string, string>;
}

/**
 * The processes end in order when the result is disposed of: the appliance first, then the sandbox.
 */
export function startSandboxed(options: SandboxedOptions): Sandboxed {
  const { appPort, sandboxPort, nodeOptions = [], appNodeOptions = [] } = options;
  const sandboxUrl = `http://127.0.0.1:${sandboxPort}`;
  const appUrl = `http://localhost:${appPort}`;
  const sandbox = start([...nodeOptions, join(ROOT, 'scripts/tiktok-sandbox/main.ts')], {
    SANDBOX_PORT: String(sandboxPort),
  });
  const app = start(
    [...nodeOptions, ...appNodeOptions, join(ROOT, 'src/main.ts')],
    chooseSettings(options, sandboxUrl),
  );
  let hasEnded = false;
  const ended = Promise.race([
    ...['SIGINT', 'SIGTERM'].map((signal) => new Promise((done) => process.once(signal, done))),
    ...[sandbox, app].map((child) => new Promise((done) => child.once('exit', done))),
  ]).then(() => {
    hasEnded = true;
  });
  return {
    ...{ appUrl, sandboxUrl, ended },
    async waitUntilReady(timeoutMs = Number.POSITIVE_INFINITY) {
      const deadline = Date.now() + timeoutMs;
      for (const url of [`${sandboxUrl}/sandbox/state`, `${appUrl}/readyz`]) {
        while ((await fetch(url).catch(() => null))?.status !== 200) {
          if (hasEnded) throw new Error('Stopped before both were ready; see the messages above.');
          if (Date.now() > deadline) throw new Error(`Expected ${url} to be ready in time`);
          await sleep(100);
        }
      }
    },
    async [Symbol.asyncDispose]() {
      await stop(app);
      await stop(sandbox);
    },
  };
}

function chooseSettings(
  { appPort, dataDir, env, sandboxPort }: SandboxedOptions,
  sandboxUrl: string,
): Record<string, string> {
  return {
    PORT: String(appPort),
    HOST: '127.0.0.1',
    DATA_DIR: dataDir,
    TIKTOK_CLIENT_KEY: 'sbsandbox',
    TIKTOK_CLIENT_SECRET: 'sandbox-secret',
    TIKTOK_APP_AUDITED: 'true',
    TIKTOK_AUTHORIZE_URL: `${sandboxUrl}/v2/auth/authorize/`,
    TIKTOK_API_URL: sandboxUrl,
    TIKTOK_UPLOAD_HOSTS: `127.0.0.1:${sandboxPort}`,
    // A visitor need not wait an hour before a second post.
    POST_SPACING_SECONDS: '0',
    LOG_LEVEL: 'warn',
    ...env,
  };
}

function start(args: string[], env: Record<string, string>): ChildProcess {
  return spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
    // Ctrl-C must reach this process alone, which then ends the others in order.
    detached: true,
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  await ended;
}
