// Writes one object to a bucket as it streams in, part after part; one part at a time is in memory.
import { type Bucket, findCause } from './bucket.ts';

// The least that S3 takes for a part; the 10,000 of an object hold more than any upload.
const PART_BYTES = 5 * 1024 * 1024;

export interface PartWriter {
  addAll(source: AsyncIterable<Buffer>): Promise<void>;
  /** The object is there, whole, when it returns. */
  finish(): Promise<void>;
  /** Whatever was sent goes; no object of this name has changed. */
  abort(): Promise<void>;
}

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
      // Not before more has come: what fits into one part goes in one request.
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
        // The answer to an earlier try was lost, and that try was the one that counted.
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
