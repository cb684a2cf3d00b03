import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Client } from '../support/appliance.ts';
import { type SharedAppliance, sharedAppliance } from '../support/shared-appliance.ts';
import { paddedVideo, video } from '../support/videos.ts';

describe('a job', () => {
  let app: SharedAppliance;
  let creator: Client;
  let findingsBefore: number;
  before(async () => {
    app = await sharedAppliance();
    creator = await app.creator('posts.jobs');
    findingsBefore = app.sandbox.state.findings.length;
  });

  it('posts a conforming video byte for byte, with the caption and settings that were asked', async () => {
    const bytes = await video();
    const upload = await creator.upload(bytes);
    expect(upload.status).to.equal(201);
    expect(upload.json['sha256']).to.equal(createHash('sha256').update(bytes).digest('hex'));
    const settings = { privacy_level: 'MUTUAL_FOLLOW_FRIENDS', allow_comment: true, is_aigc: true };
    const accepted = await creator.api(
      'POST',
      '/v1/jobs',
      creator.job(upload.json['storage_key'], { settings }),
    );
    expect(accepted.status).to.equal(202);
    expect(accepted.headers.get('location')).to.equal(`/v1/jobs/${accepted.json['id']}`);
    const job = await creator.ended(accepted.json['id']);
    expect(job['error']).to.equal(null);
    expect(job['status']).to.equal('finished');
    expect(job['media']['changes']).to.deep.equal([]);
    const post = app.sandbox.state.publishes.find((each) => each.publish_id === job['publish_id']);
    expect(post?.sha256).to.equal(upload.json['sha256']);
    expect(post?.post_info).to.deep.equal({
      title: 'A caption #tag',
      privacy_level: 'MUTUAL_FOLLOW_FRIENDS',
      disable_comment: false,
      disable_duet: true,
      disable_stitch: true,
      video_cover_timestamp_ms: 0,
      brand_content_toggle: false,
      brand_organic_toggle: false,
      is_aigc: true,
    });
  });

  it('converts what TikTok does not take, and says why', async () => {
    const bytes = await video({ extension: 'avi', options: ['-c:v', 'mpeg4', '-c:a', 'mp3'] });
    const upload = await creator.upload(bytes, 'video/x-msvideo');
    const accepted = await creator.api('POST', '/v1/jobs', creator.job(upload.json['storage_key']));
    const job = await creator.ended(accepted.json['id']);
    expect(job['status']).to.equal('finished');
    expect(job['media']['changes'][0]).to.match(/MPEG-4 part 2.*H\.264/);
    expect(job['post_ids'][0]).to.match(/^\d{19}$/);
    const post = app.sandbox.state.publishes.find((each) => each.publish_id === job['publish_id']);
    expect(post?.probe).to.include({ codec: 'h264', width: 360, height: 640 });
  });

  it('hands a video to the inbox, where no caption goes', async () => {
    const upload = await creator.upload(await video());
    const request = creator.job(upload.json['storage_key'], {
      destination: 'inbox',
      settings: undefined,
    });
    const accepted = await creator.api('POST', '/v1/jobs', request);
    const job = await creator.ended(accepted.json['id']);
    expect(job['status']).to.equal('finished');
    const post = app.sandbox.state.publishes.find((each) => each.publish_id === job['publish_id']);
    expect(post).to.include({ kind: 'inbox', status: 'SEND_TO_USER_INBOX' });
  });

  it('waits for its time, can be changed and cancelled until then, and is never sent after that', async () => {
    const upload = await creator.upload(await video({ seconds: 1.6 }));
    const scheduleAt = new Date(Date.now() + 3_600_000).toISOString();
    const request = creator.job(upload.json['storage_key'], {
      mode: 'schedule',
      schedule_at: scheduleAt,
    });
    const { json } = await creator.api('POST', '/v1/jobs', request);
    expect(json).to.include({ status: 'scheduled', schedule_at: scheduleAt });
    const changed = await creator.api('PATCH', `/v1/jobs/${json['id']}`, { title: 'changed' });
    expect(changed.json).to.include({ title: 'changed', status: 'scheduled' });
    const removal = await creator.api('DELETE', `/v1/media/${upload.json['storage_key']}`);
    expect(removal.json['code']).to.equal('state_conflict');
    const cancelled = await creator.api('POST', `/v1/jobs/${json['id']}/cancellation`);
    expect(cancelled.json).to.include({ status: 'cancelled', step: null });
    const late = await creator.api('PATCH', `/v1/jobs/${json['id']}`, { title: 'late' });
    expect(late.json['code']).to.equal('state_conflict');
    expect(
      app.sandbox.state.publishes.some((each) => each.post_info['title'] === 'changed'),
    ).to.equal(false);
  });

  it('sends a file of several chunks in a legal plan', async () => {
    const bytes = await paddedVideo(70_000_000);
    const upload = await creator.upload(bytes);
    const { json } = await creator.api('POST', '/v1/jobs', creator.job(upload.json['storage_key']));
    const job = await creator.ended(json['id']);
    expect(job['error']).to.equal(null);
    const post = app.sandbox.state.publishes.find((each) => each.publish_id === job['publish_id']);
    expect(post?.chunks.length).to.equal(3);
    expect(post?.sha256).to.equal(createHash('sha256').update(bytes).digest('hex'));
  });

  it('lists jobs in pages and by status', async () => {
    const first = await creator.api('GET', '/v1/jobs?limit=2');
    expect(first.json['data']).to.have.length(2);
    const second = await creator.api('GET', `/v1/jobs?limit=2&cursor=${first.json['next_cursor']}`);
    const ids = [...first.json['data'], ...second.json['data']].map((job) => job.id);
    expect(new Set(ids).size).to.equal(4);
    const cancelled = await creator.api('GET', '/v1/jobs?status=cancelled');
    expect(cancelled.json['data'].map((job: { status: string }) => job.status)).to.deep.equal([
      'cancelled',
    ]);
  });

  it('leaves no contract violation in the sandbox', () => {
    const findings = app.sandbox.state.findings.slice(findingsBefore);
    expect(findings.filter((each) => each.kind === 'violation')).to.deep.equal([]);
  });

  it('is not sent for an account that was suspended since, and can be tried again after', async () => {
    const someone = await app.creator('posts.suspended');
    const upload = await someone.upload(await video());
    const sendAt = new Date(Date.now() + 3_000).toISOString();
    const request = someone.job(upload.json['storage_key'], {
      ...{ mode: 'schedule', schedule_at: sendAt },
    });
    const accepted = await someone.api('POST', '/v1/jobs', request);
    const { db } = app;
    const isTheirs = { id: someone.creatorId };
    await db('creators').where(isTheirs).update({ suspended_at: new Date() });
    // Their key opens nothing meanwhile.
    const { id } = accepted.json;
    const seen = async () => db('jobs').where({ id }).first('state', 'error');
    while ((await seen()).state !== 'failed') await sleep(200);
    expect((await seen()).error).to.include({ code: 'forbidden' });
    expect(
      app.sandbox.state.publishes.some((each) => each.open_id === openIdOf('posts.suspended')),
    ).to.equal(false);
    await db('creators').where(isTheirs).update({ suspended_at: null });
    expect((await someone.api('POST', `/v1/jobs/${id}/retry`)).status).to.equal(202);
    expect((await someone.ended(id))['status']).to.equal('finished');
  });

  const openIdOf = (username: string) =>
    app.sandbox.state.accounts.find((each) => each.username === username)?.open_id;
});
