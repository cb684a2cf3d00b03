// Writes one object to a bucket as it streams in: one part is gathered while the one before is under way.
import { type Bucket, causeOf } from './bucket.ts';

// The least that S3 takes for a part; 10,000 of them hold more than any upload, and two fit into memory.
const PART_BYTES = 5 * 1024 * 1024;

export interface PartWriter {
  addAll(source: AsyncIterable<Buffer>): Promise<void>;
  /** The object is there, whole, when it returns. */
  finish(): Promise<void>;
  /** Whatever was sent goes; no object of this name has changed. */
  abort(): Promise<void>;
}

export function createPartWriter(bucket: Bucket, place: string): PartWriter {
  let gathering = { buffer: Buffer.allocUnsafeSlow(0), bytes: 0 };
  let spare: Buffer<ArrayBuffer> | null = null;
  let upload_id: string | null = null;
  const tags: string[] = [];
  let under_way: Promise<void> = Promise.resolve();
  let total = 0;

  async function send(part: Buffer<ArrayBuffer>, bytes: number): Promise<void> {
    upload_id ??= await bucket.begin(place);
    tags.push(await bucket.part(place, upload_id, tags.length + 1, part.subarray(0, bytes)));
    spare = part;
  }

  async function next(): Promise<void> {
    await under_way;
    const { buffer, bytes } = gathering;
    under_way = send(buffer, bytes);
    // Its fault is thrown when the next part, or the end, waits for it.
    under_way.catch(() => {});
    gathering = { buffer: spare ?? Buffer.allocUnsafeSlow(PART_BYTES), bytes: 0 };
    spare = null;
  }

  async function add(chunk: Buffer): Promise<void> {
    if (gathering.buffer.length === 0) gathering.buffer = Buffer.allocUnsafeSlow(PART_BYTES);
    for (let at = 0; at < chunk.length; ) {
      if (gathering.bytes === PART_BYTES) await next();
      const taken = chunk.copy(gathering.buffer, gathering.bytes, at);
      gathering.bytes += taken;
      total += taken;
      at += taken;
    }
  }

  return {
    async addAll(source) {
      for await (const chunk of source) await add(chunk);
    },
    async finish() {
      await under_way;
      const { buffer, bytes } = gathering;
      if (upload_id === null) return bucket.put(place, buffer.subarray(0, bytes));
      if (bytes > 0) await send(buffer, bytes);
      await bucket.complete(place, upload_id, tags).catch(async (error) => {
        // The answer to an earlier try was lost, and that try was the one that counted.
        const is_done =
          causeOf(error).code === 'NoSuchUpload' && (await bucket.head(place)) === total;
        if (!is_done) throw error;
      });
      upload_id = null;
    },
    async abort() {
      await under_way.catch(() => {});
      if (upload_id !== null) await bucket.abort(place, upload_id);
      upload_id = null;
    },
  };
}
