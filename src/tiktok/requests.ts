// Sends requests to TikTok, with time-outs and an abort signal; answers are bounded.
import type { Readable } from 'node:stream';
import { Agent, type Dispatcher, errors, request } from 'undici';
import { TikTokError } from './errors.ts';
import { envelope, oauthError, parseText } from './wire.ts';

export interface Reply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

const CONNECT_MS = 10_000;
const IDLE_MS = 60_000;
const MAX_ANSWER_BYTES = 2_000_000;

const agent = new Agent({ connect: { timeout: CONNECT_MS } });

export interface ApiCall {
  method: 'GET' | 'POST';
  url: string;
  headers?: Record<string, string>;
  body?: string;
  timeoutMs: number;
  signal: AbortSignal;
}

/**
 * Sends a request and reads the whole answer within `timeoutMs`. Redirects are not followed.
 *
 * @throws TikTokError `no_answer` or `aborted`
 */
export async function callApi(call: ApiCall): Promise<Reply> {
  const limit = AbortSignal.timeout(call.timeoutMs);
  try {
    const answer = await request(call.url, {
      dispatcher: agent,
      method: call.method,
      headers: { accept: 'application/json', ...call.headers },
      body: call.body ?? null,
      signal: AbortSignal.any([call.signal, limit]),
    });
    return await readReply(answer);
  } catch (error) {
    throw unanswered(error, call.signal, limit.aborted ? 'timeout' : 'network');
  }
}

export interface UploadCall {
  url: string;
  headers: Record<string, string>;
  body: Readable;
  signal: AbortSignal;
}

/**
 * Streams a body. It may take as long as it needs, but a minute of silence ends it. An answer that
 * comes before the body was sent whole (416, 403) is read, and the rest of the body is not sent.
 *
 * @throws TikTokError `no_answer` or `aborted`
 */
export async function putStream(call: UploadCall): Promise<Reply> {
  try {
    const answer = await request(call.url, {
      dispatcher: agent,
      method: 'PUT',
      headers: call.headers,
      body: call.body,
      signal: call.signal,
      headersTimeout: IDLE_MS,
      bodyTimeout: IDLE_MS,
    });
    return await readReply(answer);
  } catch (error) {
    throw unanswered(error, call.signal, 'network');
  } finally {
    call.body.destroy();
  }
}

async function readReply(answer: Dispatcher.ResponseData): Promise<Reply> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of answer.body) {
    bytes += part.length;
    if (bytes > MAX_ANSWER_BYTES) {
      answer.body.destroy();
      throw new Error('Expected an answer of at most 2 MB');
    }
    parts.push(part);
  }
  const text = Buffer.concat(parts).toString('utf8');
  return { status: answer.statusCode, headers: answer.headers, text };
}

function unanswered(error: unknown, signal: AbortSignal, code: string): TikTokError {
  if (error instanceof TikTokError) return error;
  if (signal.aborted) return new TikTokError({ kind: 'aborted', code: 'aborted' });
  const undiciCode = error instanceof errors.UndiciError ? error.code : undefined;
  const cause = { code: undiciCode ?? (error as NodeJS.ErrnoException)?.code };
  return new TikTokError({ kind: 'no_answer', code, cause });
}

/**
 * Returns the `data` of an answer in an envelope. An `error.code` of "ok" means success, whatever
 * the HTTP status is.
 *
 * @throws TikTokError for any other code, and for an answer that is not TikTok's
 */
export function readData(reply: Reply): unknown {
  const parsed = envelope.safeParse(readJson(reply));
  if (!parsed.success) throw unreadable(reply);
  const { code, message, log_id, logid } = parsed.data.error;
  if (code === 'ok') return parsed.data.data ?? {};
  throw new TikTokError({
    // TikTok's own failure may come after the work was done.
    kind: code === 'internal_error' || reply.status >= 500 ? 'no_answer' : 'refused',
    code,
    httpStatus: reply.status,
    logId: log_id ?? logid ?? null,
    tiktokMessage: message ?? '',
  });
}

/**
 * Returns a flat OAuth answer.
 *
 * @throws TikTokError for an `error` in it, which is a refusal even with HTTP 200
 */
export function readOAuthData(reply: Reply): unknown {
  const json = reply.text.trim() === '' && reply.status < 300 ? {} : readJson(reply);
  const failed = oauthError.safeParse(json);
  if (!failed.success) {
    if (reply.status >= 300) throw unreadable(reply);
    return json;
  }
  const { error, error_description, log_id } = failed.data;
  // Some answers of this family are enveloped: `error: {code: "ok"}` is no string and passes above.
  const isTemporary = ['server_error', 'temporarily_unavailable'].includes(error);
  throw new TikTokError({
    kind: isTemporary || reply.status >= 500 ? 'no_answer' : 'refused',
    code: error,
    httpStatus: reply.status,
    logId: log_id ?? null,
    tiktokMessage: error_description ?? '',
  });
}

function readJson(reply: Reply): unknown {
  try {
    return parseText(reply.text);
  } catch {
    throw unreadable(reply);
  }
}

/** For an answer that is not TikTok's JSON. With a 5xx it is the page of a gateway: no answer. */
export function unreadable(reply: Reply): TikTokError {
  const kind = reply.status >= 500 ? 'no_answer' : 'unreadable';
  return new TikTokError({ kind, code: 'unreadable_answer', httpStatus: reply.status });
}
