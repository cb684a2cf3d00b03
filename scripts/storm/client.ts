// A program that posts for a creator as programs do: without a clear answer it asks again.
import { setTimeout as sleep } from 'node:timers/promises';

export interface Answer {
  status: number;
  json: Record<string, unknown>;
  /** How long that took in all, however often it was asked. */
  ms: number;
}

export interface Request {
  method: string;
  path: string;
  body?: Record<string, unknown> | Buffer;
  headers?: Record<string, string>;
}

/** After so long without a clear answer a person would be called. */
const PATIENCE_MS = 240_000;
const ANSWER_MS = 15_000;
const PAUSE_MS = 400;

/**
 * Asks until the answer is clear. 5xx, 429 and "still in progress" are not; neither is a broken
 * connection. Returns null after four minutes, or when `signal` aborts.
 */
export async function askPatiently(
  { url, key, signal }: { url: string; key: string; signal: AbortSignal },
  request: Request,
): Promise<Answer | null> {
  const startedAt = Date.now();
  while (Date.now() - startedAt < PATIENCE_MS && !signal.aborted) {
    const answer = await askOnce(url, key, request).catch(() => null);
    if (answer && isClear(answer)) return { ...answer, ms: Date.now() - startedAt };
    await sleep(PAUSE_MS);
  }
  return null;
}

function isClear({ status, json }: Pick<Answer, 'status' | 'json'>): boolean {
  return status < 500 && status !== 429 && json['code'] !== 'idempotency_in_progress';
}

async function askOnce(url: string, key: string, { method, path, body, headers }: Request) {
  const isFile = Buffer.isBuffer(body);
  const type = isFile || body === undefined ? {} : { 'content-type': 'application/json' };
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, ...type, ...headers },
    ...(body === undefined ? {} : { body: isFile ? new Uint8Array(body) : JSON.stringify(body) }),
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  const text = await answer.text();
  const json = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {};
  return { status: answer.status, json };
}
