// Checks a file after its last byte has come, and posts or refuses it.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { takeFault } from './faults.ts';
import { postId } from './ids.ts';
import type { Publish, State } from './state.ts';
import { announce } from './webhooks.ts';

const CODECS = ['h264', 'hevc', 'vp8', 'vp9'];

/**
 * Returns at once; the post ends after `processing_ms`, or never if the fault `stuck` was ordered.
 */
export function process(state: State, publish: Publish): void {
  const fault = takeFault(state, 'processing', null, publish.open_id);
  if (fault?.kind === 'stuck') return;
  const ordered = fault?.kind.startsWith('fail:') ? fault.kind.slice(5) : null;
  setTimeout(async () => {
    if (publish.finished_at !== null) return;
    const reason = ordered ?? (await judge(state, publish).catch(() => 'file_format_check_failed'));
    finish(state, publish, reason);
  }, state.settings.processing_ms);
}

/** Ends a post and announces it. `reason`: why it failed; null when it did not. */
export function finish(state: State, publish: Publish, reason: string | null): void {
  publish.finished_at = Date.now();
  publish.fail_reason = reason;
  if (reason) publish.status = 'FAILED';
  else if (publish.kind === 'inbox' || publish.post_info['post_mode'] === 'MEDIA_UPLOAD')
    publish.status = 'SEND_TO_USER_INBOX';
  else publishNow(publish);
  const type = publish.status === 'SEND_TO_USER_INBOX' ? 'INBOX_SHARE' : 'DIRECT_PUBLISH';
  const event = reason
    ? 'post.publish.failed'
    : type === 'INBOX_SHARE'
      ? 'post.publish.inbox_delivered'
      : 'post.publish.complete';
  const content = {
    publish_id: publish.publish_id,
    publish_type: type,
    ...(reason ? { reason } : {}),
  };
  announce(state, publish, event, content);
}

/** Publishes a post. Only public posts have ids, as at TikTok. */
export function publishNow(publish: Publish): void {
  publish.status = 'PUBLISH_COMPLETE';
  if (publish.post_info['privacy_level'] === 'PUBLIC_TO_EVERYONE') publish.post_ids.push(postId());
}

interface Probed {
  streams: {
    codec_type?: string;
    codec_name?: string;
    width?: number;
    height?: number;
    avg_frame_rate?: string;
  }[];
  format: { format_name: string; duration?: string };
}

async function probe(path: string): Promise<Probed> {
  const args = [
    '-v',
    'error',
    '-protocol_whitelist',
    'file',
    '-show_format',
    '-show_streams',
    '-of',
    'json',
    path,
  ];
  const { stdout } = await promisify(execFile)('ffprobe', args, {
    timeout: 30_000,
    maxBuffer: 4_000_000,
  });
  return JSON.parse(stdout) as Probed;
}

/**
 * Returns the reason to refuse the file, or null.
 * https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide
 */
async function judge(state: State, publish: Publish): Promise<string | null> {
  if (publish.kind === 'photo' || !publish.path) return null;
  const { streams, format } = await probe(publish.path);
  const video = streams.find((stream) => stream.codec_type === 'video');
  if (
    !video ||
    !/mp4|mov|webm/.test(format.format_name) ||
    !CODECS.includes(video.codec_name ?? '')
  )
    return 'file_format_check_failed';
  const [over = 0, under = 1] = (video.avg_frame_rate ?? '0/1').split('/').map(Number);
  const fps = over / under;
  publish.probe = {
    codec: video.codec_name,
    width: video.width,
    height: video.height,
    fps,
    duration_s: Number(format.duration),
  };
  if (fps < 22.9 || fps > 60.05) return 'frame_rate_check_failed';
  const [width, height] = [video.width ?? 0, video.height ?? 0];
  if (Math.min(width, height) < 360 || Math.max(width, height) > 4096)
    return 'picture_size_check_failed';
  const account = state.accounts.find((each) => each.open_id === publish.open_id);
  const limit = publish.kind === 'direct' ? (account?.max_video_post_duration_sec ?? 600) : 600;
  return Number(format.duration) > limit + 0.5 ? 'duration_check_failed' : null;
}

/** Throws without ffprobe: a sandbox that checks no videos would take what TikTok refuses. */
export async function assertFfprobe(): Promise<void> {
  try {
    await promisify(execFile)('ffprobe', ['-version']);
  } catch {
    throw new Error(
      'The sandbox needs ffprobe in PATH to judge videos as TikTok does. Install ffmpeg.',
    );
  }
}
