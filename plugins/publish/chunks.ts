// Sends the file in TikTok's chunks, records each one, and sets the mark before the last.
import { type Attempt, chunkFrom, type Job, type StepContext } from '#plugin';

/**
 * `done`: TikTok has every byte. `lapsed`: the upload address has expired. `unknown`: TikTok no
 * longer knows the address. In the last two cases sending has stopped.
 */
export type SendResult = 'done' | 'lapsed' | 'unknown';

const MAX_CORRECTIONS = 3;

/**
 * Sends what is missing of the file, from `attempt.bytes_acknowledged` on. The ledger's mark is set
 * before the last chunk, since TikTok may post from then on.
 *
 * @throws TikTokError when TikTok refuses a chunk or cannot be reached.
 */
export async function sendChunks(
  job: Job,
  context: StepContext,
  attempt: Attempt,
  outputKey: string,
): Promise<SendResult> {
  const { bytes, chunk_bytes, chunk_count } = attempt;
  if (!chunk_bytes || !chunk_count || !attempt.upload_url)
    throw new Error('Expected an opened attempt');
  let offset = attempt.bytes_acknowledged;
  let isMarked = attempt.committed_at !== null;
  let corrections = 0;
  for (;;) {
    context.checkpoint();
    const range = chunkFrom({ chunk_size: chunk_bytes, chunk_count }, bytes, offset);
    if (!range) return 'done';
    if (range.last === bytes - 1 && !isMarked) {
      await context.ledger.commit(attempt);
      isMarked = true;
    }
    const answer = await context.tiktok.uploadChunk({
      uploadUrl: attempt.upload_url,
      body: () => context.storage.read(outputKey, { start: range.first, end: range.last }),
      first: range.first,
      last: range.last,
      total: bytes,
      contentType: job.output_type ?? 'video/mp4',
      // A chunk of 32 MB takes a while on a slow line, so progress moves within it.
      onProgress: (sent: number) => context.progress((range.first + sent) / bytes),
    });
    if (answer.result === 'done') return 'done';
    if (answer.result === 'expired') return 'lapsed';
    if (answer.result === 'unknown') return 'unknown';
    corrections = answer.result === 'behind' ? corrections + 1 : 0;
    if (corrections > MAX_CORRECTIONS)
      throw new Error('Expected TikTok to accept the offset it named');
    // A 416 says how much TikTok has; after a crash that may be more than the ledger says.
    offset = answer.result === 'behind' ? correct(offset, answer.receivedBytes) : range.last + 1;
    await context.ledger.acknowledge(attempt, offset);
    context.progress(offset / bytes);
    await context.addEvent('part_sent', {
      part: Math.min(chunk_count, Math.floor(offset / chunk_bytes)),
      parts: chunk_count,
    });
  }
}

/**
 * Returns where to go on after a 416. TikTok documents its number as a count of bytes. If it names
 * the very offset that it just refused, the number was the last byte's index.
 */
function correct(sentOffset: number, receivedBytes: number | null): number {
  const named = receivedBytes ?? 0;
  return named === sentOffset && named > 0 ? named + 1 : named;
}
