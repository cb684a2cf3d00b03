// The chunk plan of an upload: a pure function that keeps both wordings of TikTok's rule.
import { TIKTOK_LIMITS } from './limits.ts';

const { maxBytes } = TIKTOK_LIMITS.video;
// Decimal: 66,259,900 bytes in one chunk were refused, although below 64 MiB.
const MAX_SINGLE = 64_000_000;
const TARGET = 32_000_000;

export interface ChunkPlan {
  chunk_size: number;
  chunk_count: number;
}

/**
 * Both `count = floor(size / chunk)` and `chunk = floor(size / count)` hold. Chunks have 16 to 32
 * MB; the last one also takes the few bytes that are left over.
 * @throws RangeError for an empty file, and for one that is larger than TikTok takes.
 * https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide
 */
export function chunkPlan(sizeBytes: number): ChunkPlan {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 1 || sizeBytes > maxBytes) {
    throw new RangeError(`Expected a size of 1 to ${maxBytes} bytes, got ${sizeBytes}`);
  }
  if (sizeBytes <= MAX_SINGLE) return { chunk_size: sizeBytes, chunk_count: 1 };
  const chunkCount = Math.ceil(sizeBytes / TARGET);
  return { chunk_size: Math.floor(sizeBytes / chunkCount), chunk_count: chunkCount };
}

/** The bytes to send from `offset` on: to the end of its chunk. Null when all is sent. */
export function chunkFrom(
  plan: ChunkPlan,
  sizeBytes: number,
  offset: number,
): { first: number; last: number } | null {
  if (offset >= sizeBytes) return null;
  const index = Math.min(Math.floor(offset / plan.chunk_size), plan.chunk_count - 1);
  const isLast = index === plan.chunk_count - 1;
  return { first: offset, last: isLast ? sizeBytes - 1 : (index + 1) * plan.chunk_size - 1 };
}
