import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { type Appliance, anAppliance } from '../support/appliance.ts';
import { paddedVideo, video } from '../support/videos.ts';

const MB = 1_000_000;

function violations(app: Appliance) {
  return app.sandbox.state.findings.filter((each) => each.kind === 'violation');
}

/** Resident memory of a process, in bytes. */
function memory(pid: number): number {
  const kib = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) * 1024;
}

// `npm run storm` posts a thousand.
const CREATORS = 8;
const EACH = 10;

describe('eighty jobs of eight creators', () => {
  it('all finish within TikTok’s limits a minute, each posted once', async () => {
    // Two posts in six seconds are a limit that each creator meets; we keep two seconds more.
    const env = { LOG_LEVEL: 'warn', WORKER_CONCURRENCY: '8', TRANSCODE_CONCURRENCY: '2' };
    const limits = { ...env, TIKTOK_INITS_PER_MINUTE: '2' };
    await using app = await anAppliance(limits, { tiktokMinuteMs: 8_000 });
    const settings = { caps: false, minute_ms: 6_000, inits_per_minute: 2 };
    Object.assign(app.sandbox.state.settings, settings);
    const bytes = await video({ seconds: 1.5 });
    const jobs = [];
    for (let n = 0; n < CREATORS; n += 1) {
      const client = await app.creator(`many${n}`);
      const { json } = await client.upload(bytes);
      for (let m = 0; m < EACH; m += 1) {
        const request = client.job(json['storage_key'], { title: `Post ${m} of ${n}` });
        const accepted = await client.api('POST', '/v1/jobs', request);
        jobs.push({ client, id: accepted.json['id'] });
      }
    }
    for (const { client, id } of jobs) {
      const job = await client.ended(id, 580_000);
      expect(job['status'], JSON.stringify(job['error'])).to.equal('finished');
    }
    expect(
      app.sandbox.state.publishes.filter((each) => each.status === 'PUBLISH_COMPLETE'),
    ).to.have.length(CREATORS * EACH);
    const titles = app.sandbox.state.publishes.map((each) => each.post_info['title']);
    expect(new Set(titles).size).to.equal(CREATORS * EACH);
    expect(violations(app)).to.deep.equal([]);
    const waited = await app.db('job_events').where({ name: 'rate_limited' }).distinct('job_id');
    expect(waited.length).to.be.greaterThan((CREATORS * EACH) / 2);
  }).timeout(600_000);
});

describe('a file of 150 MB', () => {
  it('arrives byte for byte, in a legal plan, in memory that does not grow with it', async () => {
    await using app = await anAppliance({ LOG_LEVEL: 'warn' });
    const client = await app.creator();
    const pid = app.process().pid as number;
    // Once through with a small one, so that what is loaded only once is not counted.
    const small = await client.upload(await video());
    const first = await client.api('POST', '/v1/jobs', client.job(small.json['storage_key']));
    await client.ended(first.json['id']);
    const before = memory(pid);
    let peak = before;
    const sampling = setInterval(() => {
      peak = Math.max(peak, memory(pid));
    }, 100);
    const bytes = await paddedVideo(150 * MB);
    const upload = await client.upload(bytes);
    const { json } = await client.api('POST', '/v1/jobs', client.job(upload.json['storage_key']));
    const job = await client.ended(json['id']);
    clearInterval(sampling);
    expect(job['status']).to.equal('finished');
    const post = app.sandbox.state.publishes.find((each) => each.publish_id === job['publish_id']);
    expect(post?.sha256).to.equal(createHash('sha256').update(bytes).digest('hex'));
    expect(post?.chunks).to.have.length(5);
    expect(violations(app)).to.deep.equal([]);
    console.log(`      memory grew by ${((peak - before) / MB).toFixed(1)} MB`);
    expect(peak - before).to.be.lessThan(64 * MB);
  });
});

describe('a job scheduled five seconds ahead', () => {
  it('is sent after its time, and not before', async () => {
    await using app = await anAppliance({ LOG_LEVEL: 'warn' });
    const client = await app.creator();
    const upload = await client.upload(await video());
    const at = Date.now() + 5_000;
    const request = client.job(upload.json['storage_key'], {
      mode: 'schedule',
      schedule_at: new Date(at).toISOString(),
    });
    const { json } = await client.api('POST', '/v1/jobs', request);
    const job = await client.ended(json['id']);
    expect(job['status']).to.equal('finished');
    const post = app.sandbox.state.publishes.find((each) => each.publish_id === job['publish_id']);
    const lateMs = Date.parse(post?.chunks[0]?.at ?? '') - at;
    console.log(`      sent ${lateMs} ms after its time`);
    expect(lateMs).to.be.greaterThan(0);
  });
});
