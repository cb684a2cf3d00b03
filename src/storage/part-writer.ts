// Writes one object to a bucket as it streams in, with only one part in memory at a time.
import type { Bucket } from './bucket.ts';
import { findCause } from './bucket-faults.ts';

// The smallest part that S3 takes. An object may have 10,000 of them, which is more than any
// upload.
const PART_BYTES = 5 * 1024 * 1024;

export interface PartWriter {
  addAll(source: AsyncIterable<Buffer>): Promise<void>;
  /** When it returns, the object exists and is complete. */
  finish(): Promise<void>;
  /** Discards what was sent. An object that had this name before is unchanged. */
  abort(): Promise<void>;
}

/**
 * Returns a writer for the object at `place`. An object that fits into one part takes one request.
 */
export function createPartWriter(bucket: Bucket, place: string): PartWriter {
  let buffer = Buffer.allocUnsafeSlow(0);
  let gathered = 0;
  let total = 0;
  let uploadId: string | null = null;
  const tags: string[] = [];

  async function send(): Promise<void> {
    uploadId ??= await bucket.begin(place);
    const part = buffer.subarray(0, gathered);
    tags.push(await bucket.part(place, uploadId, tags.length + 1, part));
    gathered = 0;
  }

  async function add(chunk: Buffer): Promise<void> {
    if (buffer.length === 0) buffer = Buffer.allocUnsafeSlow(PART_BYTES);
    for (let at = 0; at < chunk.length; ) {
      // A full part is sent only once more bytes have come, so that a small object takes one
      // request.
      if (gathered === PART_BYTES) await send();
      const taken = chunk.copy(buffer, gathered, at);
      gathered += taken;
      total += taken;
      at += taken;
    }
  }

  return {
    async addAll(source) {
      for await (const chunk of source) await add(chunk);
    },
    async finish() {
      if (uploadId === null) return bucket.put(place, buffer.subarray(0, gathered));
      if (gathered > 0) await send();
      await bucket.complete(place, uploadId, tags).catch(async (error) => {
        // The upload is gone if an earlier try completed it and only its answer was lost.
        const isGone = findCause(error).code === 'NoSuchUpload';
        if (!isGone || (await bucket.head(place)) !== total) throw error;
      });
      uploadId = null;
    },
    async abort() {
      if (uploadId !== null) await bucket.abort(place, uploadId);
      uploadId = null;
    },
  };
}
