// Downloads and checks the photos of a post as TikTok does: in two ranges, without redirects.
// https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide
import { createHash } from 'node:crypto';
import sharp from 'sharp';
import { request } from 'undici';
import { takeFault } from './faults.ts';
import { report, reportDuplicate } from './findings.ts';
import { finish } from './processing.ts';
import type { Publish, State } from './state.ts';

const MAX_BYTES = 20_000_000;
const FIRST_PART = 1024;
/** TikTok refused a short side of 320 and took one of 480; what it does between them is unknown. */
const TOO_SMALL = 320;

/** Returns at once; the photos are downloaded and the post ends after `processing_ms`. */
export function pullPhotos(state: State, publish: Publish): void {
  const fault = takeFault(state, 'processing', null, publish.open_id);
  const ordered = fault?.kind.startsWith('fail:') ? fault.kind.slice(5) : null;
  const delayMs = state.settings.processing_ms;
  setTimeout(async () => {
    let reason = ordered;
    const all = createHash('sha256');
    for (const url of reason ? [] : publish.photo_images) {
      reason = await takePhoto(state, publish, url, all).catch(() => 'photo_pull_failed');
      if (reason) break;
    }
    publish.sent_at = Date.now();
    // The photos are downloaded, and the post never ends.
    if (fault?.kind === 'stuck') return;
    if (!reason) publish.sha256 = all.digest('hex');
    if (!reason) reportDuplicate(state, publish);
    finish(state, publish, reason);
  }, delayMs);
}

/** Downloads one photo; returns the reason to fail the whole post, or null. */
async function takePhoto(
  state: State,
  publish: Publish,
  url: string,
  all: ReturnType<typeof createHash>,
): Promise<string | null> {
  const bytes = await pull(state, url);
  if (!bytes) return 'photo_pull_failed';
  publish.received_bytes += bytes.length;
  all.update(bytes);
  return judge(bytes);
}

/** Downloads the first part, which tells how large the photo is, and then the rest. */
async function pull(state: State, url: string): Promise<Buffer | null> {
  const first = await part(state, url, 0, FIRST_PART - 1);
  if (!first || first.bytes.length === first.total || first.total > MAX_BYTES) {
    return first?.bytes ?? null;
  }
  const rest = await part(state, url, FIRST_PART, first.total - 1);
  return rest && rest.total === first.total ? Buffer.concat([first.bytes, rest.bytes]) : null;
}

/**
 * Returns null for any answer but 206 with exactly the range that was asked for, not compressed.
 */
async function part(
  state: State,
  url: string,
  from: number,
  to: number,
): Promise<{ bytes: Buffer; total: number } | null> {
  const answer = await request(url, {
    headers: { range: `bytes=${from}-${to}`, 'accept-encoding': 'gzip, identity' },
    headersTimeout: 10_000,
    bodyTimeout: 10_000,
  });
  const bytes = Buffer.from(await answer.body.arrayBuffer());
  const { 'content-encoding': packed = 'identity', 'content-range': range } = answer.headers;
  const [, first, last, size] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(String(range)) ?? [];
  const total = Number(size);
  const violation = (rule: string, detail: string) =>
    report(state, { kind: 'violation', rule, detail, endpoint: '/photos' });
  if (answer.statusCode >= 300 && answer.statusCode < 400)
    violation('photo_redirect', 'a photo URL must not redirect');
  if (answer.statusCode === 200) violation('photo_range_ignored', 'a range was asked for');
  const isExact =
    answer.statusCode === 206 &&
    packed === 'identity' &&
    Number(first) === from &&
    Number(last) === Math.min(to, total - 1) &&
    bytes.length === Number(last) - from + 1;
  return isExact ? { bytes, total } : null;
}

/**
 * Returns the reason to fail the whole post unless this is a baseline JPEG or still WebP within the
 * limits.
 */
async function judge(bytes: Buffer): Promise<string | null> {
  if (bytes.length > MAX_BYTES) return 'file_format_check_failed';
  const found = await sharp(bytes, { failOn: 'error' })
    .metadata()
    .catch(() => null);
  const isJpeg = found?.format === 'jpeg' && !found.isProgressive && found.space !== 'cmyk';
  const isWebp = found?.format === 'webp' && (found.pages ?? 1) === 1;
  if (!found || (!isJpeg && !isWebp)) return 'file_format_check_failed';
  const [short, long] = [found.width, found.height].sort((a, b) => a - b) as [number, number];
  return short > 1080 || long > 1920 || short <= TOO_SMALL ? 'picture_size_check_failed' : null;
}
