// One PUT of one chunk, and what TikTok's status codes mean there.
// https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide
import { pipeline, type Readable, Transform } from 'node:stream';
import { TikTokError } from './errors.ts';
import { putStream, type Reply, unreadable } from './requests.ts';

export interface ChunkUpload {
  upload_url: string;
  /** Called once, when the bytes are about to be sent. */
  body: () => Promise<Readable>;
  first: number;
  last: number;
  total: number;
  content_type: string;
  on_progress?: (sent_bytes: number) => void;
  signal: AbortSignal;
}

/**
 * `done`: TikTok has every byte. `more`: taken, go on. `behind` (416): go on at `received_bytes`.
 * `expired` (403) and `unknown` (404): the address is dead.
 */
export interface ChunkAnswer {
  result: 'done' | 'more' | 'behind' | 'expired' | 'unknown';
  received_bytes: number | null;
}

/** Throws `refused` on 400, `no_answer` on 5xx and a broken line: then the same chunk may be sent again. */
export async function putChunk(chunk: ChunkUpload): Promise<ChunkAnswer> {
  const { first, last, total } = chunk;
  const reply = await putStream({
    // With its query as it came; there is no Authorization header here.
    url: chunk.upload_url,
    headers: {
      'content-type': chunk.content_type,
      'content-length': String(last - first + 1),
      'content-range': `bytes ${first}-${last}/${total}`,
    },
    // Ends both streams when either breaks; the request itself tells of it.
    body: pipeline(await chunk.body(), meter(chunk.on_progress), () => {}),
    signal: chunk.signal,
  });
  return answerOf(reply, last === total - 1);
}

function answerOf(reply: Reply, is_last: boolean): ChunkAnswer {
  const received_bytes = receivedBytes(reply);
  switch (reply.status) {
    // Some hosts answer 200 or 201 to every chunk: which one it was decides, not the number.
    case 200:
    case 201:
      return { result: is_last ? 'done' : 'more', received_bytes };
    case 206:
      return { result: 'more', received_bytes };
    case 416:
      return { result: 'behind', received_bytes: received_bytes ?? 0 };
    case 403:
      return { result: 'expired', received_bytes };
    case 404:
      return { result: 'unknown', received_bytes };
    default:
      if (reply.status >= 500 || reply.status === 429) {
        throw new TikTokError({
          kind: 'no_answer',
          code: 'upload_failed',
          http_status: reply.status,
        });
      }
      if (reply.status === 400) {
        throw new TikTokError({ kind: 'refused', code: 'upload_refused', http_status: 400 });
      }
      throw unreadable(reply);
  }
}

/** `Content-Range: bytes 0-{UPLOADED_BYTES}/{TOTAL}`; TikTok's second number is a count, read as such. */
function receivedBytes(reply: Reply): number | null {
  const match = /^bytes (\d+)-(\d+)\/\d+$/.exec(String(reply.headers['content-range'] ?? ''));
  return match ? Number(match[2]) : null;
}

function meter(on_progress: ChunkUpload['on_progress']): Transform {
  let sent = 0;
  return new Transform({
    transform(part: Buffer, _encoding, done) {
      sent += part.length;
      on_progress?.(sent);
      done(null, part);
    },
  });
}
