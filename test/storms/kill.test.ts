import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { type Appliance, anAppliance, type Client } from '../support/appliance.ts';
import { until } from '../support/photo-posts.ts';
import { FAST } from '../support/timing.ts';
import { paddedVideo, video } from '../support/videos.ts';

// `npm run storm:moments` tries fifty moments; the tests a few.
const MOMENTS = Number(process.env['STORM_MOMENTS'] ?? 2);
const JOBS = 10;
// Ten jobs keep every core busy, and a pool that beats late is not to be taken for dead.
const TIMING = { ...FAST, silentMs: 6_000 };
/** From accepted to finished. */
const MOVES = 4;
const LONGEST_MS = 300;

/** How much of the way, and how long after that, the n-th of evenly spread, repeatable moments is. */
function moment(n: number): { share: number; afterMs: number } {
  const share = (n * 0.618_034) % 1;
  return { share, afterMs: Math.floor(((n * 0.381_966) % 1) * LONGEST_MS) };
}

function countLines(app: Appliance, event: string): number {
  return app.output().split(`"event":"${event}"`).length - 1;
}

/** Waits until the jobs have come so far on what was left of their way. */
async function waitForShare(app: Appliance, share: number): Promise<void> {
  const done = countLines(app, 'job.moved');
  const wanted = done + Math.floor(share * (JOBS * MOVES - done));
  await until(async () => countLines(app, 'job.moved') >= wanted, 120_000);
}

/** Ten accepted jobs of ten creators: some as they are, some to be converted, some in chunks. */
async function tenJobs(app: Appliance): Promise<{ client: Client; id: string }[]> {
  const files = [
    await video({ seconds: 2 }),
    await video({
      extension: 'avi',
      seconds: 3,
      options: ['-c:v', 'mpeg4', '-c:a', 'mp3'],
    }),
    await paddedVideo(66_000_000),
  ];
  const jobs = [];
  for (let n = 0; n < JOBS; n += 1) {
    const client = await app.creator(`creator${n}`);
    const upload = await client.upload(files[n % (n < 3 ? 3 : 2)] as Buffer<ArrayBuffer>);
    const { json } = await client.api('POST', '/v1/jobs', client.job(upload.json['storage_key']));
    jobs.push({ client, id: json['id'] });
  }
  return jobs;
}

async function expectTenPosts(
  app: Appliance,
  jobs: { client: Client; id: string }[],
): Promise<void> {
  for (const { client, id } of jobs) {
    const job = await client.ended(id, 150_000);
    const events = await client.api('GET', `/v1/jobs/${id}/events`);
    expect(
      job['status'],
      `${JSON.stringify(job['error'])} ${events.text}\n${app.output().slice(-2000)}`,
    ).to.equal('finished');
  }
  const posted = app.sandbox.state.publishes.filter((each) => each.status === 'PUBLISH_COMPLETE');
  expect(posted).to.have.length(JOBS);
  expect(new Set(posted.map((each) => each.open_id)).size).to.equal(JOBS);
  const violations = app.sandbox.state.findings.filter((each) => each.kind === 'violation');
  expect(violations).to.deep.equal([]);
  expect(app.sandbox.state.findings.filter((each) => each.rule === 'duplicate_post')).to.deep.equal(
    [],
  );
}

describe('a process that is killed while ten jobs are under way', () => {
  for (let n = 0; n < MOMENTS; n += 1) {
    const { share, afterMs } = moment(n);
    const name = `${Math.round(share * 100)} % of the way and ${afterMs} ms`;
    it(`loses no post and makes none twice, killed after ${name}`, async () => {
      // Mostly with the embedded database: it outlives the process and is taken over with its locks.
      const database: Record<string, string> = n === 0 ? {} : { DATABASE_URL: '' };
      await using app = await anAppliance({ LOG_LEVEL: 'info', ...database }, TIMING);
      const jobs = await tenJobs(app);
      await waitForShare(app, share);
      await sleep(afterMs);
      await app.kill();
      await app.start();
      await expectTenPosts(app, jobs);
    }).timeout(240_000);
  }
});

describe('a process that is stopped until a second worker declares it dead', () => {
  it('finds its jobs taken over, and nothing is posted twice', async () => {
    await using app = await anAppliance({ LOG_LEVEL: 'warn' }, TIMING);
    const jobs = await tenJobs(app);
    await app.startWorker();
    const { pid } = app.process();
    const [others, own] = ['pools.declared_dead', 'pool.declared_dead'];
    const [seen, admitted] = [countLines(app, others), countLines(app, own)];
    process.kill(pid as number, 'SIGSTOP');
    await until(async () => countLines(app, others) > seen, 60_000);
    expect(countLines(app, own)).to.equal(admitted);
    process.kill(pid as number, 'SIGCONT');
    await until(async () => countLines(app, own) > admitted);
    await expectTenPosts(app, jobs);
  }).timeout(240_000);
});
