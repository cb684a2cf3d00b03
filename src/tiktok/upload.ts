// One PUT of one chunk, and what TikTok's status codes mean there.
// https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide
import { pipeline, type Readable, Transform } from 'node:stream';
import { TikTokError } from './errors.ts';
import { putStream, type Reply, unreadable } from './requests.ts';

export interface ChunkUpload {
  uploadUrl: string;
  /** Called once, when the bytes are about to be sent. */
  body: () => Promise<Readable>;
  first: number;
  last: number;
  total: number;
  contentType: string;
  onProgress?: (sentBytes: number) => void;
  signal: AbortSignal;
}

/**
 * `done`: TikTok has every byte. `more`: taken, go on. `behind` (416): go on at `received_bytes`.
 * `expired` (403) and `unknown` (404): the address is dead.
 */
export interface ChunkAnswer {
  result: 'done' | 'more' | 'behind' | 'expired' | 'unknown';
  receivedBytes: number | null;
}

/**
 * Sends one chunk.
 *
 * @throws TikTokError `refused` on 400; `no_answer` on 429, 5xx and a broken connection: then the
 *   same chunk may be sent again
 */
export async function putChunk(chunk: ChunkUpload): Promise<ChunkAnswer> {
  const { first, last, total } = chunk;
  const reply = await putStream({
    // With its query as it came; there is no Authorization header here.
    url: chunk.uploadUrl,
    headers: {
      'content-type': chunk.contentType,
      'content-length': String(last - first + 1),
      'content-range': `bytes ${first}-${last}/${total}`,
    },
    // Ends both streams when either breaks; the request itself tells of it.
    body: pipeline(await chunk.body(), meter(chunk.onProgress), () => {}),
    signal: chunk.signal,
  });
  return readChunkAnswer(reply, last === total - 1);
}

function readChunkAnswer(reply: Reply, isLast: boolean): ChunkAnswer {
  const receivedBytes = readReceivedBytes(reply);
  switch (reply.status) {
    // Some hosts answer 200 or 201 to every chunk: which one it was decides, not the number.
    case 200:
    case 201:
      return { result: isLast ? 'done' : 'more', receivedBytes };
    case 206:
      return { result: 'more', receivedBytes };
    case 416:
      return { result: 'behind', receivedBytes: receivedBytes ?? 0 };
    case 403:
      return { result: 'expired', receivedBytes };
    case 404:
      return { result: 'unknown', receivedBytes };
    default:
      if (reply.status >= 500 || reply.status === 429) {
        throw new TikTokError({
          kind: 'no_answer',
          code: 'upload_failed',
          httpStatus: reply.status,
        });
      }
      if (reply.status === 400) {
        throw new TikTokError({ kind: 'refused', code: 'upload_refused', httpStatus: 400 });
      }
      throw unreadable(reply);
  }
}

/**
 * TikTok answers `Content-Range: bytes 0-{UPLOADED_BYTES}/{TOTAL}`. Its second number is a count of
 * bytes, not the position of the last one.
 */
function readReceivedBytes(reply: Reply): number | null {
  const match = /^bytes (\d+)-(\d+)\/\d+$/.exec(String(reply.headers['content-range'] ?? ''));
  return match ? Number(match[2]) : null;
}

function meter(onProgress: ChunkUpload['onProgress']): Transform {
  let sent = 0;
  return new Transform({
    transform(part: Buffer, _encoding, done) {
      sent += part.length;
      onProgress?.(sent);
      done(null, part);
    },
  });
}
