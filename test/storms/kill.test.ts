import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { type Appliance, anAppliance, type Client } from '../support/appliance.ts';
import { paddedVideo, video } from '../support/videos.ts';

// `npm run storm` tries fifty moments; the tests a few.
const MOMENTS = Number(process.env['STORM_MOMENTS'] ?? 4);
const JOBS = 10;
const SPAN_MS = 7_000;

/** The n-th of evenly spread, repeatable moments. */
function moment(n: number): number {
  return 300 + Math.floor(((n * 0.618_034) % 1) * SPAN_MS);
}

/** Ten accepted jobs of ten creators: some as they are, some to be converted, some in chunks. */
async function tenJobs(app: Appliance): Promise<{ client: Client; id: string }[]> {
  const files = [
    await video({ seconds: 2 }),
    await video({
      extension: 'avi',
      seconds: 4,
      size: '720x1280',
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
    it(`loses no post and makes none twice, killed after ${moment(n)} ms`, async () => {
      // Mostly with the embedded database: it outlives the process and is taken over with its locks.
      const database: Record<string, string> = n === 0 ? {} : { DATABASE_URL: '' };
      await using app = await anAppliance({ LOG_LEVEL: 'warn', ...database });
      const jobs = await tenJobs(app);
      await sleep(moment(n));
      await app.kill();
      await app.start();
      await expectTenPosts(app, jobs);
    }).timeout(240_000);
  }
});

describe('a process that is stopped for 30 s beside a second worker', () => {
  it('finds its jobs taken over, and nothing is posted twice', async () => {
    await using app = await anAppliance({ LOG_LEVEL: 'warn' });
    const jobs = await tenJobs(app);
    await app.startWorker();
    await sleep(1_000);
    const { pid } = app.process();
    await promisify(execFile)('kill', ['-STOP', String(pid)]);
    await sleep(30_000);
    await promisify(execFile)('kill', ['-CONT', String(pid)]);
    await expectTenPosts(app, jobs);
    expect(app.output()).to.contain('pool.declared_dead');
  }).timeout(240_000);
});
