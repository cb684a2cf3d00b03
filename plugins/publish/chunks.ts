// Sends the file in TikTok's chunks, noting each that was taken; the mark comes before the last.
import { type Attempt, chunkFrom, type Job, type StepContext, type VideoAttempts } from '#plugin';

/** One run that sends a video. */
export interface Sending {
  job: Job;
  context: StepContext;
  attempts: VideoAttempts;
}

/**
 * `done`: TikTok has every byte. `lapsed`: the upload address has expired. `unknown`: TikTok no
 * longer knows the address. In the last two cases sending has stopped.
 */
export type SendResult = 'done' | 'lapsed' | 'unknown';

const MAX_CORRECTIONS = 3;

export async function sendChunks(sending: Sending, attempt: Attempt): Promise<SendResult> {
  const { context, attempts } = sending;
  const { bytes, chunk_bytes, chunk_count } = attempt;
  if (!chunk_bytes || !chunk_count || !attempt.upload_url)
    throw new Error('Expected an opened attempt');
  let offset = attempt.bytes_acknowledged;
  let isMarked = attempt.committed_at !== null;
  let isSecured = false;
  let corrections = 0;
  for (;;) {
    context.checkpoint();
    const range = chunkFrom({ chunk_size: chunk_bytes, chunk_count }, bytes, offset);
    if (!range) return 'done';
    if (range.last === bytes - 1 && !isSecured) {
      await attempts.commit(attempt);
      isMarked = true;
      isSecured = true;
    }
    const answer = await sendChunk(sending, attempt, range);
    if (answer.result === 'done') return 'done';
    if (answer.result === 'expired') return 'lapsed';
    if (answer.result === 'unknown') {
      // A complete upload answers so too.
      if (isMarked) await attempts.answered404(attempt);
      return 'unknown';
    }
    corrections = answer.result === 'behind' ? corrections + 1 : 0;
    if (corrections > MAX_CORRECTIONS)
      throw new Error('Expected TikTok to accept the offset it named');
    // A 416 says how much TikTok has; after a crash that may be more than the ledger says.
    offset = answer.result === 'behind' ? correct(offset, answer.receivedBytes) : range.last + 1;
    await attempts.acknowledge(attempt, offset);
    context.progress(offset / bytes);
    await context.addEvent('part_sent', {
      part: Math.min(chunk_count, Math.floor(offset / chunk_bytes)),
      parts: chunk_count,
    });
  }
}

function sendChunk(
  { job, context }: Sending,
  { upload_url, bytes }: Attempt,
  { first, last }: { first: number; last: number },
) {
  const outputKey = getOutput(job);
  return context.tiktok.uploadChunk({
    ...{ uploadUrl: upload_url as string, first, last, total: bytes },
    body: () => context.storage.read(outputKey, { start: first, end: last }),
    contentType: job.output_type ?? 'video/mp4',
    // Progress inside a chunk: one of 32 MB takes a while on a slow line.
    onProgress: (sent: number) => context.progress((first + sent) / bytes),
  });
}

/** The file that is sent; the media's step has made it before. */
export function getOutput(job: Job): string {
  if (!job.output_key) throw new Error('Expected a prepared file before sending');
  return job.output_key;
}

/**
 * Returns where to go on after a 416. TikTok documents its number as a count of bytes. If it names
 * the very offset that it just refused, the number was the last byte's index.
 */
function correct(sentOffset: number, receivedBytes: number | null): number {
  const named = receivedBytes ?? 0;
  return named === sentOffset && named > 0 ? named + 1 : named;
}
