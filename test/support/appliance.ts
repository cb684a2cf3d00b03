// The appliance as a process of its own, against a fresh database and a sandbox: as an operator runs it.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Connected, connectWithKey } from '../../scripts/connect.ts';
import { createAccount } from '../../scripts/tiktok-sandbox/initial-state.ts';
import { type Sandbox, startSandbox } from '../../scripts/tiktok-sandbox/sandbox.ts';
import { type Database, openDatabase } from '../../src/base/database.ts';
import { createConnection } from '../../src/base/postgres-socket.ts';
import type { Timing } from '../../src/base/timing.ts';
import { askBroker, holdFolder, holdProcess, releaseProcess } from './broker-client.ts';
import { COMPILED } from './cache.ts';
import { freshDatabase } from './database.ts';
import { QUICK_FFMPEG } from './ffmpeg.ts';
import { PROMPT } from './timing.ts';

export const ROOT = resolve(import.meta.dirname, '../..');

export interface Appliance extends AsyncDisposable {
  url: string;
  sandbox: Sandbox;
  database_url: string;
  data_dir: string;
  /** Beside the appliance, for tests that look behind it; opened when first asked for. */
  readonly db: Database;
  /** Everything it printed. */
  output(): string;
  /** Waits until this is printed: a line may come after the response that it is about. */
  untilPrinted(text: string | RegExp): Promise<void>;
  process(): ChildProcess;
  /** SIGKILL, and wait until it is gone. */
  kill(): Promise<void>;
  /** The same appliance once more, on the same port, database and data; `env` for this once. */
  start(env?: Env): Promise<void>;
  /** Another process of the same instance. */
  startWorker(env?: Record<string, string>): Promise<ChildProcess>;
  /** Another process that serves the same instance; answers its address. */
  startWeb(): Promise<string>;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  creator(username?: string): Promise<Client>;
}

export type Env = Record<string, string>;
export const TEST_SECRET = Buffer.alloc(32, 7).toString('base64');

/** As an operator starts it; with other intervals, through a test's own entry. */
export async function anAppliance(env: Env = {}, timing?: Partial<Timing>): Promise<Appliance> {
  const sandbox = await startSandbox();
  const { url: databaseUrl } = await freshDatabase();
  const dataDir = mkdtempSync(join(tmpdir(), 'pm3k-test-'));
  await holdFolder(dataDir);
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const sandboxHost = new URL(sandbox.url).host;
  const settings: Env = {
    PORT: String(port),
    HOST: 'localhost',
    DATABASE_URL: databaseUrl,
    DATA_DIR: dataDir,
    APP_SECRET: TEST_SECRET,
    TIKTOK_CLIENT_KEY: 'sbsandbox',
    TIKTOK_CLIENT_SECRET: 'sandbox-secret',
    TIKTOK_APP_AUDITED: 'true',
    TIKTOK_AUTHORIZE_URL: `${sandbox.url}/v2/auth/authorize/`,
    TIKTOK_API_URL: sandbox.url,
    TIKTOK_UPLOAD_HOSTS: sandboxHost,
    SIGN_INS_PER_MINUTE: '0',
    // Tests post as fast as they can; those about our own limits say so.
    POSTS_PER_DAY: '0',
    POST_SPACING_SECONDS: '0',
    LOG_LEVEL: 'info',
    ...QUICK_FFMPEG,
    ...env,
  };
  let printed = '';
  let db: Database | undefined;
  let child: ChildProcess | undefined;
  const others: ChildProcess[] = [];
  const launch = (more: Env = {}) => {
    const print = (text: string) => {
      printed += text;
    };
    return spawnAppliance({ ...settings, ...more }, print, { ...PROMPT, ...timing });
  };

  const appliance: Appliance = {
    url,
    sandbox,
    database_url: databaseUrl,
    data_dir: dataDir,
    get db() {
      // An empty DATABASE_URL makes the appliance start an embedded one.
      const isEmbedded = settings['DATABASE_URL'] === '';
      const embedded = () => createConnection(join(dataDir, 'postgres'));
      db ??= openDatabase(isEmbedded ? embedded() : { connectionString: databaseUrl });
      return db;
    },
    output: () => printed,
    async untilPrinted(text) {
      const isThere = () =>
        typeof text === 'string' ? printed.includes(text) : text.test(printed);
      while (!isThere()) await sleep(20);
    },
    process: () => child as ChildProcess,
    async start(more = {}) {
      child = launch(more);
      await ready(url, child, () => printed);
    },
    async startWorker(more = {}) {
      const workerPort = await freePort();
      const worker = launch({
        ROLE: 'worker',
        PORT: String(workerPort),
        PUBLIC_URL: url,
        ...more,
      });
      others.push(worker);
      await ready(`http://localhost:${workerPort}`, worker, () => printed);
      return worker;
    },
    async startWeb() {
      const webPort = String(await freePort());
      const web = launch({ ROLE: 'web', PORT: webPort, PUBLIC_URL: url });
      others.push(web);
      await ready(`http://localhost:${webPort}`, web, () => printed);
      return `http://localhost:${webPort}`;
    },
    kill: () => end(child, 'SIGKILL').then(() => {}),
    stop: (signal = 'SIGTERM') => end(child, signal),
    async creator(username = 'sample') {
      if (!sandbox.state.accounts.some((each) => each.username === username)) {
        sandbox.state.accounts.push(createAccount(username, username));
      }
      return new Client(url, await connectWithKey(url, username), username);
    },
    async [Symbol.asyncDispose]() {
      await db?.destroy();
      for (const each of others) {
        each.kill('SIGCONT');
        await end(each, 'SIGKILL');
      }
      // In order: an embedded database would outlive a kill.
      await end(child, 'SIGTERM');
      await sandbox.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
  await appliance.start();
  return appliance;
}

export function spawnAppliance(
  env: Env,
  print: (text: string) => void,
  timing?: Partial<Timing>,
): ChildProcess {
  const entry = timing
    ? [join(ROOT, 'scripts/timed-appliance.ts'), JSON.stringify(timing)]
    : [join(ROOT, 'src/main.ts')];
  // As `npm start` does: a small young generation gives the buffers of a stream back sooner.
  const child = spawn(process.execPath, ['--max-semi-space-size=1', ...entry], {
    env: { PATH: process.env['PATH'] ?? '', NODE_COMPILE_CACHE: COMPILED, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout?.on('data', (part) => print(String(part)));
  child.stderr?.on('data', (part) => print(String(part)));
  holdChild(child);
  return child;
}

/** Lets it end with this process, also when this one is killed. */
function holdChild(child: ChildProcess): void {
  const { pid } = child;
  // Nothing was started; the child's own `error` event says why.
  if (pid === undefined) return;
  const held = holdProcess(pid);
  child.once('exit', () => held.then(() => releaseProcess(pid)));
}

export async function ready(url: string, child: ChildProcess, output: () => string): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    const answer = await fetch(`${url}/readyz`).catch(() => null);
    if (answer?.status === 200) return;
    if (child.exitCode !== null) break;
    await sleep(50);
  }
  throw new Error(`The appliance did not become ready:\n${output().slice(-3000)}`);
}

export function end(
  child: ChildProcess | undefined,
  signal: NodeJS.Signals,
): Promise<number | null> {
  if (!child || child.exitCode !== null || child.signalCode !== null) {
    return Promise.resolve(child?.exitCode ?? null);
  }
  const ended = new Promise<number | null>((done) => child.once('exit', (code) => done(code)));
  child.kill(signal);
  return ended;
}

/** A port of the test's own, for as long as mocha runs. */
export function freePort(): Promise<number> {
  return askBroker('port');
}

// biome-ignore lint/suspicious/noExplicitAny: answers of the API, which the tests look into at any depth
export type Json = Record<string, any>;

/** A creator with a session and a key, as a program uses them. */
export class Client {
  readonly url: string;
  readonly cookie: string;
  readonly creatorId: string;
  readonly key: string;
  readonly username: string;

  constructor(url: string, connected: Connected, username = '') {
    this.username = username;
    this.url = url;
    this.cookie = connected.cookie;
    this.creatorId = connected.creator_id;
    this.key = connected.key;
  }

  async api(method: string, path: string, body?: unknown, headers: Env = {}) {
    const answer = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    const json: Json = text.startsWith('{') ? JSON.parse(text) : {};
    return { status: answer.status, headers: answer.headers, json, text };
  }

  async upload(bytes: Uint8Array | ReadableStream, type = 'video/mp4', headers: Env = {}) {
    const answer = await fetch(`${this.url}/v1/media`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.key}`, 'content-type': type, ...headers },
      body: bytes,
      ...(bytes instanceof ReadableStream ? { duplex: 'half' } : {}),
    } as RequestInit);
    return { status: answer.status, json: (await answer.json()) as Json };
  }

  /** Posts a form of the dashboard, as a browser on its own page does. */
  async form(path: string, fields: Env, headers: Env = {}) {
    return fetch(`${this.url}${path}`, {
      method: 'POST',
      redirect: 'manual',
      headers: { cookie: this.cookie, 'sec-fetch-site': 'same-origin', ...headers },
      body: new URLSearchParams(fields),
    });
  }

  async page(path: string) {
    const answer = await fetch(`${this.url}${path}`, {
      redirect: 'manual',
      headers: { cookie: this.cookie, accept: 'text/html' },
    });
    return { status: answer.status, text: await answer.text(), headers: answer.headers };
  }

  /** The body of `POST /v1/jobs` for an upload. */
  job(storageKey: string, more: Json = {}): Json {
    return {
      mode: 'now',
      title: 'A caption #tag',
      destination: 'direct',
      settings: { privacy_level: 'PUBLIC_TO_EVERYONE' },
      video: { source: 'pm3k_storage', storage_key: storageKey },
      // The same file serves many tests.
      allow_duplicate: true,
      ...more,
    };
  }

  /** The same for photos. */
  photoJob(storageKeys: string[], more: Json = {}): Json {
    const { video: _, ...job } = this.job('');
    const photos = storageKeys.map((storageKey) => ({
      source: 'pm3k_storage',
      storage_key: storageKey,
    }));
    return { ...job, description: 'What there is to see', photos, ...more };
  }

  async ended(jobId: string, timeoutMs = 60_000): Promise<Json> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const { json } = await this.api('GET', `/v1/jobs/${jobId}?wait=2`).catch(() => ({
        json: {} as Json,
      }));
      if (json['finished_at'] || json['status'] === 'unconfirmed') return json;
      if (Date.now() > deadline) throw new Error(`The job did not end: ${JSON.stringify(json)}`);
    }
  }
}
