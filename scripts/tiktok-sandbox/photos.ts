// Photos are pulled: each URL is really fetched, with a Range header and without following redirects.
import sharp from 'sharp';
import { request } from 'undici';
import { takeFault } from './faults.ts';
import { finish } from './processing.ts';
import type { Publish, State } from './state.ts';

const MAX_BYTES = 20_000_000;

export function pullPhotos(state: State, publish: Publish): void {
  const fault = takeFault(state, 'processing', null, publish.open_id);
  if (fault?.kind === 'stuck') return;
  const told = fault?.kind.startsWith('fail:') ? fault.kind.slice(5) : null;
  setTimeout(async () => {
    let reason = told;
    for (const url of reason ? [] : publish.photo_images) {
      reason = await judgePhoto(url).catch(() => 'photo_pull_failed');
      if (reason) break;
    }
    publish.sent_at = Date.now();
    finish(state, publish, reason);
  }, state.settings.processing_ms);
}

/** JPEG or WebP, the shorter side at most 1080: one photo that is not fails the whole post. */
async function judgePhoto(url: string): Promise<string | null> {
  const answer = await request(url, {
    headers: { range: 'bytes=0-', 'accept-encoding': 'identity' },
    headersTimeout: 10_000,
    bodyTimeout: 10_000,
  });
  if (answer.statusCode !== 200 && answer.statusCode !== 206) return 'photo_pull_failed';
  const bytes = Buffer.from(await answer.body.arrayBuffer());
  if (bytes.length > MAX_BYTES) return 'file_format_check_failed';
  const { format, width = 0, height = 0 } = await sharp(bytes).metadata();
  if (format !== 'jpeg' && format !== 'webp') return 'file_format_check_failed';
  return Math.min(width, height) > 1080 || Math.max(width, height) > 1920
    ? 'picture_size_check_failed'
    : null;
}
