// Runs the demo: the sandbox and the appliance side by side; `--once` posts one video and ends.
import { execFile } from 'node:child_process';
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { connectWithKey } from './connect.ts';
import { ROOT, type Sandboxed, startSandboxed } from './sandboxed.ts';

/** Runs the ffmpeg that the appliance uses. */
const FFMPEG = join(ROOT, 'plugins/media/caged-ffmpeg.sh');
const CAPTION = 'A first post from the demo #hello';
const SETTINGS = { privacy_level: 'PUBLIC_TO_EVERYONE', allow_comment: true };

const isOnce = process.argv.includes('--once');
// `--once` leaves no data behind; the demo keeps its posts for the next start.
const dataDir = isOnce ? mkdtempSync(join(tmpdir(), 'pm3k-demo-')) : join(ROOT, '.demo');

try {
  const [appPort, sandboxPort] = isOnce ? [await freePort(), await freePort()] : [3000, 3900];
  await using demo = startSandboxed({ appPort, sandboxPort, dataDir });
  await demo.waitUntilReady(60_000);
  if (isOnce) await walk(demo.appUrl, demo.sandboxUrl);
  else await stay(demo);
} finally {
  if (isOnce) rmSync(dataDir, { recursive: true, force: true });
}

/** Connects, uploads a video that needs converting, posts it, and checks that it is posted. */
async function walk(appUrl: string, sandboxUrl: string): Promise<void> {
  const { key } = await connectWithKey(appUrl, 'sample');
  say('Connected @sample, and issued an API key.');
  const video = join(dataDir, 'demo.avi');
  const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=720x1280:rate=30:duration=3'];
  const sound = ['-f', 'lavfi', '-i', 'sine=frequency=440:duration=3'];
  const codecs = ['-c:v', 'mpeg4', '-q:v', '4', '-c:a', 'mp3'];
  await promisify(execFile)(FFMPEG, ['-v', 'error', ...picture, ...sound, ...codecs, '-y', video]);
  const authorization = `Bearer ${key}`;
  const upload = await call(`${appUrl}/v1/media`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'video/x-msvideo' },
    body: Readable.toWeb(createReadStream(video)) as ReadableStream,
    duplex: 'half',
  });
  say(`Uploaded ${upload['bytes']} bytes of MPEG-4 in an AVI file.`);
  const accepted = await call(`${appUrl}/v1/jobs`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json', 'idempotency-key': 'demo-1' },
    body: JSON.stringify({
      mode: 'now',
      title: CAPTION,
      destination: 'direct',
      settings: SETTINGS,
      video: { source: 'pm3k_storage', storage_key: upload['storage_key'] },
    }),
  });
  let job = accepted;
  const deadline = Date.now() + 180_000;
  while (job['finished_at'] === null && Date.now() < deadline) {
    job = await call(`${appUrl}/v1/jobs/${accepted['id']}?wait=30`, {
      headers: { authorization },
    });
  }
  say(JSON.stringify(job, null, 2));
  const state = await call(`${sandboxUrl}/sandbox/state`, {});
  check(job, state);
  say(`Posted: ${sandboxUrl}/@sample`);
}

/** Throws unless the post that the sandbox holds is the one that was sent. */
function check(job: Record<string, unknown>, state: Record<string, unknown>): void {
  const posts = state['posts'] as Record<string, unknown>[];
  const violations = state['violations'] as unknown[];
  const [post] = posts;
  const info = (post?.['post_info'] ?? {}) as Record<string, unknown>;
  const faults = [
    job['status'] !== 'finished' && `the job ended as ${job['status']}`,
    posts.length !== 1 && `the sandbox holds ${posts.length} posts`,
    info['title'] !== CAPTION && 'the caption differs',
    info['privacy_level'] !== SETTINGS.privacy_level && 'the audience differs',
    info['disable_comment'] !== false && 'comments differ',
    violations.length > 0 && `violations: ${JSON.stringify(violations)}`,
  ].filter(Boolean);
  if (faults.length > 0) throw new Error(`The demo failed: ${faults.join('; ')}`);
}

async function stay({ appUrl, sandboxUrl, ended }: Sandboxed): Promise<void> {
  say(`
  Open ${appUrl} and press “Connect with TikTok”.
  The sandbox that stands in for TikTok: ${sandboxUrl}
  Ctrl-C ends both.
`);
  await ended;
}

async function call(
  url: string,
  init: RequestInit & { duplex?: 'half' },
): Promise<Record<string, unknown>> {
  const answer = await fetch(url, init);
  const json = (await answer.json()) as Record<string, unknown>;
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${JSON.stringify(json)}`);
  return json;
}

function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((done, fail) => {
    server.once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
