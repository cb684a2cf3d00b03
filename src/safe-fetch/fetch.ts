// Sends every request to a URL that a creator named: resolved once, checked, bounded, no redirects.
import type { Readable } from 'node:stream';
import { Client } from 'undici';
import { Problem } from '../base/errors.ts';
import { HOUR_MS } from '../base/time.ts';
import { connectTo, resolvePublic } from './connect.ts';
import { type Expired, explainError, tooLarge } from './faults.ts';
import { internet, type Network, neighbourhood } from './network.ts';
import { get, type Reply } from './reply.ts';
import { judgeUrl, type Policy, toHost } from './urls.ts';

const MAX_HEADER_BYTES = 16_384;
/** 4 GB at 10 Mbit/s take about an hour. A slower source would hold a worker that others need. */
const LONGEST_MS = HOUR_MS;

export interface Ask {
  /** The URL as the creator gave it; it is checked here again. */
  url: string;
  /** The host that the URL must be on, as `toHost` returns it. */
  host: string;
  /** In bytes. A file that is larger, as declared or as streamed, is `too_large`. */
  limit: number;
  signal: AbortSignal;
  /** How long the whole request may take; an hour by default. */
  longestMs?: number;
  /** Called with 0…1 if the server says how much will come. */
  progress?: ((fraction: number) => void) | undefined;
}

/** The body without any encoding. `bytes`: the declared length, null when the server names none. */
export interface Answer {
  body: Readable;
  bytes: number | null;
}

export interface SafeFetch {
  policy: Policy;
  /**
   * GETs a URL, gives the answer to `take` and returns what that returns. The connection is closed
   * when `take` ends. A fault while `take` reads comes as an error of the body; what `take` throws
   * is passed on.
   *
   * @throws Problem `url_not_allowed`, `redirect_not_allowed`, `too_large` or `fetch_failed`, whose
   *   `cause` is the HTTP status as a number or the network's code as a string; the signal's reason
   *   when it aborts.
   */
  fetch<T>(ask: Ask, take: (answer: Answer) => Promise<T>): Promise<T>;
}

/**
 * `timeoutMs`: how long look-up, connection and first byte may take together, and each pause after.
 */
export function createSafeFetch(
  of: Policy & { timeoutMs: number },
  network: Network = of.allowPrivateNetworks ? neighbourhood : internet(),
): SafeFetch {
  return {
    policy: of,
    async fetch(ask, take) {
      const url = judgeUrl(ask.url, of);
      if (toHost(url) !== ask.host) {
        throw new Problem('url_not_allowed', `The URL is not on ${ask.host}.`);
      }
      const clock = startClock(ask, of.timeoutMs);
      const explain = (error: unknown) => explainError(error, url.hostname, ask, clock.expired());
      let client: Client | undefined;
      try {
        const addresses = await clock.race(resolvePublic(url, network, of)).catch((error) => {
          throw explain(error);
        });
        client = openClient(url, addresses, { network, limit: ask.limit, ms: of.timeoutMs });
        const { signal } = clock;
        const reply = await get(client, url, { signal, explain, progress: ask.progress });
        clock.begun();
        return await take(toAnswer(reply, ask.limit));
      } finally {
        clock.stop();
        await client?.destroy();
      }
    },
  };
}

interface Clock {
  signal: AbortSignal;
  /** Which limit ran out, else null. */
  expired(): Expired;
  /** Rejects when a limit runs out, or the request is aborted, before the promise is settled. */
  race<T>(promise: Promise<T>): Promise<T>;
  /** Call it when the first byte has come: it ends the first limit. */
  begun(): void;
  stop(): void;
}

/**
 * Starts one limit for look-up, connection and first byte together, and one for the whole request.
 */
function startClock({ signal, longestMs = LONGEST_MS }: Ask, firstByteMs: number): Clock {
  const over = new AbortController();
  let expired: Expired = null;
  const expire = (why: 'first byte' | 'whole') => () => {
    expired = why;
    over.abort(new Error('Time is over'));
  };
  const firstByte = setTimeout(expire('first byte'), firstByteMs);
  const whole = setTimeout(expire('whole'), longestMs);
  const both = AbortSignal.any([over.signal, signal]);
  return {
    signal: both,
    expired: () => expired,
    race: (promise) =>
      new Promise((resolve, reject) => {
        const stop = () => reject(both.reason);
        if (both.aborted) stop();
        both.addEventListener('abort', stop, { once: true });
        promise.then(resolve, reject).finally(() => both.removeEventListener('abort', stop));
      }),
    begun: () => clearTimeout(firstByte),
    stop() {
      clearTimeout(firstByte);
      clearTimeout(whole);
    },
  };
}

/** Opens one connection for one request; none is kept or shared between hosts. */
function openClient(
  url: URL,
  addresses: string[],
  { network, limit, ms }: { network: Network; limit: number; ms: number },
): Client {
  return new Client(url.origin, {
    connect: connectTo(addresses, network),
    allowH2: false,
    pipelining: 1,
    maxHeaderSize: MAX_HEADER_BYTES,
    maxResponseSize: limit,
    headersTimeout: ms,
    bodyTimeout: ms,
  });
}

/** Returns the answer's body and declared length; throws when the answer is not the file itself. */
function toAnswer({ status, headers, body }: Reply, limit: number): Answer {
  if (status >= 300 && status < 400) {
    throw new Problem(
      'redirect_not_allowed',
      `The source answered with a redirect (HTTP ${status}). Give the URL of the file itself.`,
    );
  }
  if (status !== 200) {
    throw new Problem('fetch_failed', `The source answered with HTTP ${status}.`, {
      cause: status,
    });
  }
  const encoding = headers['content-encoding'] ?? 'identity';
  const transfer = headers['transfer-encoding'] ?? 'chunked';
  if (!isOnly(encoding, 'identity') || !isOnly(transfer, 'chunked')) {
    throw new Problem(
      'fetch_failed',
      'The source sent the file compressed, although we asked for it as it is.',
    );
  }
  const declared = headers['content-length'];
  const bytes = typeof declared === 'string' ? Number(declared) : null;
  if (bytes !== null && bytes > limit) throw tooLarge(limit);
  return { body, bytes };
}

function isOnly(value: string | string[], expected: string): boolean {
  return typeof value === 'string' && value.trim().toLowerCase() === expected;
}
