// The job as the API shows it.
import type { Job } from './job.ts';
import { statusOf, stepOf } from './states.ts';
import type { JobEvent } from './store.ts';

/** `username`: the creator's, for the posts' addresses; null when TikTok did not tell it. */
export function jobView(job: Job, username: string | null) {
  return {
    id: job.id,
    creator_id: job.creator_id,
    mode: job.mode,
    schedule_at: job.schedule_at?.toISOString() ?? null,
    send_at: job.send_at.toISOString(),
    status: statusOf(job),
    step: stepOf(job.state),
    progress: job.progress,
    title: job.title,
    destination: job.destination,
    settings: job.settings,
    media: job.media,
    publish_id: job.publish_id,
    post_ids: job.post_ids,
    post_urls: postUrls(job, username),
    error: job.error,
    created_at: job.created_at.toISOString(),
    updated_at: job.updated_at.toISOString(),
    finished_at: job.finished_at?.toISOString() ?? null,
  };
}

export function postUrls(job: Job, username: string | null): string[] {
  if (!username) return [];
  return job.post_ids.map(
    (id) => `https://www.tiktok.com/@${encodeURIComponent(username)}/video/${id}`,
  );
}

export function eventView(event: JobEvent) {
  return { name: event.name, at: event.at.toISOString(), details: event.details };
}
