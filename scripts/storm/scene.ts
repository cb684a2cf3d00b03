// Sets the storm's scene: database, sandbox, storage, one web and two worker processes.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Timing } from '../../src/base/timing.ts';
import { aBucket, type TestBucket } from '../../test/support/bucket.ts';
import { QUICK_FFMPEG } from '../../test/support/ffmpeg.ts';
import { nextPort } from '../../test/support/ports.ts';
import { wrongClock } from '../../test/support/wrong-clock.ts';
import { type Sandbox, startSandbox } from '../tiktok-sandbox/sandbox.ts';
import type { Chance } from './chance.ts';
import { type StormDatabase, startDatabase } from './database.ts';
import { mountDisk, type StormDisk } from './disk.ts';
import type { Occurrence, Taken } from './happenings.ts';
import { openLine } from './line.ts';
import { createMember, type Member } from './member.ts';
import type { Hold, StormOptions } from './options.ts';

export interface Scene extends AsyncDisposable {
  folder: string;
  dataDir: string;
  logFiles: string[];
  sandbox: Sandbox;
  database: StormDatabase;
  disk: StormDisk | null;
  bucket: TestBucket | null;
  /** Web, then the two workers. */
  members: [Member, Member, Member];
  /** Whose clock differs, and by how much. */
  clock: { member: string; ms: number } | null;
  signal: AbortSignal;
  occurrences: Occurrence[];
  taken: Taken[];
  killsWithWork: number;
  /** What is still being watched. */
  background: Promise<void>[];
}

export interface SceneOptions {
  options: StormOptions;
  timing: Timing;
  chance: Chance;
  signal: AbortSignal;
  hold: Hold;
}

const NAMES = ['web', 'worker-1', 'worker-2'] as const;
/** The product keeps 200 MB free. */
const LEAST_DISK_MB = 400;

export async function setScene(given: SceneOptions): Promise<Scene> {
  const { options, timing, signal, hold } = given;
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'pm3k-storm-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const dataDir = join(folder, 'data');
  const size = LEAST_DISK_MB + options.jobs;
  const disk = options.fillsDisk ? mountDisk(dataDir, size) : null;
  if (disk) stack.use(disk);
  mkdirSync(dataDir, { recursive: true });
  const sandbox = await startSandbox();
  stack.defer(() => sandbox.close());
  const bucket = options.storage === 's3' ? stack.use(await aBucket()) : null;
  const databaseDir = join(folder, 'database');
  mkdirSync(databaseDir, { mode: 0o755 });
  const database = stack.use(await startDatabase(databaseDir, hold));
  const clock = chooseClock(given);
  const members = await createMembers(given, { folder, dataDir, sandbox, database, bucket, clock });
  for (const member of members) stack.use(member);
  setTikTok(sandbox, members[0].url, timing);
  // The first one migrates.
  for (const some of [members.slice(0, 1), members.slice(1)]) {
    for (const member of some) member.start();
    while (!some.every((member) => member.isReady()) && !signal.aborted) await sleep(50);
  }
  const whole = stack.move();
  return {
    ...{ folder, dataDir, sandbox, database, disk, bucket, members, clock, signal },
    logFiles: NAMES.map((name) => join(folder, `${name}.log`)),
    ...{ occurrences: [], taken: [], killsWithWork: 0, background: [] },
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  };
}

/** One process is two to nine minutes ahead or behind. */
function chooseClock({ options, chance }: SceneOptions): Scene['clock'] {
  const ms = Math.round(chance.between(120_000, 540_000)) * (chance.hits(0.5) ? 1 : -1);
  const member = chance.pick(NAMES);
  return options.shiftsClock ? { member, ms } : null;
}

type Parts = Pick<Scene, 'folder' | 'dataDir' | 'sandbox' | 'database' | 'bucket' | 'clock'>;

async function createMembers(given: SceneOptions, parts: Parts): Promise<Scene['members']> {
  const webPort = await nextPort();
  const publicUrl = `http://localhost:${webPort}`;
  // A pool is entered over its own process's line before anybody else can name it.
  const known = new Set<string>();
  const create = async (name: (typeof NAMES)[number], port: number) => {
    const poolIds = new Set<string>();
    const line = await openLine({
      socketPath: parts.database.socketPath,
      onSent: (bytes) => notePools(bytes, known, poolIds),
    });
    return createMember({
      ...{ name, line, poolIds, hold: given.hold },
      url: `http://localhost:${port}`,
      env: writeEnv(given, parts, { name, port, linePort: line.port, publicUrl }),
      timing: given.options.hasDefaultIntervals ? undefined : given.timing,
      logFile: join(parts.folder, `${name}.log`),
    });
  };
  return [
    await create('web', webPort),
    await create('worker-1', await nextPort()),
    await create('worker-2', await nextPort()),
  ];
}

function notePools(bytes: Buffer, known: Set<string>, own: Set<string>): void {
  if (!bytes.includes('pool-')) return;
  for (const [id] of bytes.toString('latin1').matchAll(/pool-[0-9a-f]{18}/g)) {
    if (!known.has(id)) own.add(id);
    known.add(id);
  }
}

interface Place {
  name: string;
  port: number;
  linePort: number;
  publicUrl: string;
}

function writeEnv(
  { options }: SceneOptions,
  { dataDir, sandbox, database, bucket, clock }: Parts,
  { name, port, linePort, publicUrl }: Place,
): Record<string, string> {
  return {
    ROLE: name === 'web' ? 'web' : 'worker',
    ...{ PORT: String(port), HOST: 'localhost', PUBLIC_URL: publicUrl, DATA_DIR: dataDir },
    DATABASE_URL: `postgres://${database.user}@127.0.0.1:${linePort}/${database.name}`,
    APP_SECRET: createHash('sha256').update(`storm ${options.seed}`).digest('base64'),
    ...{ TIKTOK_CLIENT_KEY: 'sbsandbox', TIKTOK_CLIENT_SECRET: 'sandbox-secret' },
    ...{ TIKTOK_APP_AUDITED: 'true', TIKTOK_API_URL: sandbox.url },
    TIKTOK_AUTHORIZE_URL: `${sandbox.url}/v2/auth/authorize/`,
    TIKTOK_UPLOAD_HOSTS: new URL(sandbox.url).host,
    ...{ SIGN_INS_PER_MINUTE: '0', API_REQUESTS_PER_MINUTE: '0' },
    ...{ POSTS_PER_DAY: '0', POST_SPACING_SECONDS: '0', LOG_LEVEL: 'info' },
    ...QUICK_FFMPEG,
    ...bucket?.env,
    ...(clock?.member === name ? wrongClock(clock.ms) : {}),
  };
}

/** TikTok's minute is as much shorter as ours, less the two seconds for delays, which stay. */
function setTikTok({ state }: Sandbox, webUrl: string, { tiktokMinuteMs }: Timing): void {
  const minuteMs = tiktokMinuteMs - 2_000;
  Object.assign(state.settings, { caps: false, allow_insecure_pull: true, minute_ms: minuteMs });
  for (const app of state.apps) app.webhook_url = `${webUrl}/webhooks/tiktok`;
}
