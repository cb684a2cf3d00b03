// Turns a job into what the API answers, and declares the schema of that.
import { z } from 'zod';
import { ERROR_CODES, withRule } from '../base/errors.ts';
import { settingsSchema } from '../tiktok/settings-schema.ts';
import type { Job } from './job.ts';
import { SHOWN_STEPS, STATUSES, toShownStep, toStatus } from './states.ts';
import type { JobEvent } from './store.ts';
import { toWaiting } from './waiting.ts';
import { WAITING } from './waiting-codes.ts';

const time = z.iso.datetime();
const codes = Object.keys(ERROR_CODES) as [string, ...string[]];
const waitingCodes = Object.keys(WAITING) as [string, ...string[]];
const words = z.strictObject({ code: z.string(), log_id: z.string().nullable() });

export const jobSchema = z.strictObject({
  id: z.string(),
  creator_id: z.string(),
  mode: z.enum(['now', 'schedule']),
  schedule_at: time.nullable().describe('The time that was asked for.'),
  send_at: time.describe('The next planned time; later than asked for when a limit moved it.'),
  status: z.enum(STATUSES),
  step: z.enum(SHOWN_STEPS).nullable(),
  progress: z.number().min(0).max(1).nullable(),
  title: z.string(),
  description: z.string().nullable().describe('Photos alone: the text below the title.'),
  photo_cover_index: z.int().nullable().describe('Photos alone: which is shown first, from 0.'),
  destination: z.enum(['direct', 'inbox']),
  settings: settingsSchema,
  media: z
    .strictObject({
      kind: z.enum(['video', 'photo']),
      bytes: z.int(),
      sha256: z.string().nullable(),
      duration_ms: z.int().nullable(),
      width: z.int().nullable(),
      height: z.int().nullable(),
      fps: z.number().nullable(),
      changes: z.array(z.string()),
    })
    .nullable(),
  publish_id: z.string().nullable(),
  post_ids: z.array(z.string()).describe('int64 as strings.'),
  post_urls: z.array(z.string()),
  error: z
    .strictObject({
      code: z.enum(codes),
      message: z.string(),
      tiktok: words.nullable(),
      job_id: z.string().optional().describe('Of `duplicate_media`: the first post.'),
      rule: z.string().optional().describe('Of `media_rejected`: the broken rule.'),
    })
    .nullable(),
  waiting: z
    .strictObject({
      code: z.enum(waitingCodes),
      message: z.string(),
      next_try_at: time.nullable(),
      gives_up_at: time.nullable(),
    })
    .nullable()
    .describe('What it waits for while it stands still; it is `scheduled` then.'),
  created_at: time,
  updated_at: time,
  finished_at: time.nullable(),
});

export const jobListAnswer = z.strictObject({
  data: z.array(jobSchema),
  next_cursor: z.string().nullable(),
});

export const eventsAnswer = z.strictObject({
  data: z.array(
    z.strictObject({ name: z.string(), at: time, details: z.record(z.string(), z.unknown()) }),
  ),
});

/** `username`: the creator's, for the URLs of the posts; null when TikTok did not tell it. */
export function jobView(job: Job, username: string | null) {
  return {
    id: job.id,
    creator_id: job.creator_id,
    mode: job.mode,
    schedule_at: job.schedule_at?.toISOString() ?? null,
    send_at: job.send_at.toISOString(),
    status: toStatus(job),
    step: toShownStep(job.state),
    progress: job.progress,
    title: job.title,
    description: job.description,
    photo_cover_index: job.photo_cover_index,
    destination: job.destination,
    settings: job.settings,
    media: job.media,
    publish_id: job.publish_id,
    post_ids: job.post_ids,
    post_urls: postUrls(job, username),
    error: job.error && { ...job.error, message: withRule(job.error) },
    waiting: toWaiting(job),
    created_at: job.created_at.toISOString(),
    updated_at: job.updated_at.toISOString(),
    finished_at: job.finished_at?.toISOString() ?? null,
  };
}

/** Returns the public URLs of the posts; none without a username. */
export function postUrls(job: Job, username: string | null): string[] {
  if (!username) return [];
  const profile = `https://www.tiktok.com/@${encodeURIComponent(username)}`;
  return job.post_ids.map((id) => `${profile}/${job.kind}/${id}`);
}

export function eventView(event: JobEvent) {
  return { name: event.name, at: event.at.toISOString(), details: event.details };
}
