// Sends a GET request and returns the answer's head, with its body as a stream.
import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import type { Client, Dispatcher } from 'undici';

/** How many bytes may wait for the reader before the source has to wait. */
const WAITING_BYTES = 1_048_576;
const HEADERS = { 'accept-encoding': 'identity', accept: '*/*', 'user-agent': 'PM3K' };

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: Readable;
}

interface Watch {
  signal: AbortSignal;
  /**
   * Returns what to throw for an error of the network. The reader of the body gets this value, so
   * that the reader's own errors are never taken for the source's.
   */
  explain(error: unknown): unknown;
  /** Called with 0…1 if the server says how much will come. */
  progress?: ((fraction: number) => void) | undefined;
}

/**
 * Resolves with the head of the final answer. When the signal aborts, the promise or the body fails
 * at once.
 */
export function get(client: Client, url: URL, watch: Watch): Promise<Reply> {
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined;
    let body: Readable | undefined;
    let bytes = 0;
    let expected = 0;
    const fail = (error: unknown) => {
      const explained = watch.explain(error);
      if (body) body.destroy(explained as Error);
      else reject(explained);
    };
    const abort = () => {
      fail(watch.signal.reason);
      controller?.abort(new Error('Aborted'));
    };
    if (watch.signal.aborted) return abort();
    watch.signal.addEventListener('abort', abort, { once: true });
    client.dispatch(
      { method: 'GET', path: `${url.pathname}${url.search}`, headers: HEADERS, reset: true },
      {
        onRequestStart(started) {
          controller = started;
          if (watch.signal.aborted) abort();
        },
        onResponseStart(answering, status, headers) {
          // 1xx is informational; the final answer is still to come.
          if (status < 200) return;
          body = createBody(answering);
          expected = Number(headers['content-length'] ?? 0);
          resolve({ status, headers, body });
        },
        onResponseData(answering, part) {
          bytes += part.length;
          if (expected > 0) watch.progress?.(bytes / expected);
          if (!body?.push(part)) answering.pause();
        },
        onResponseEnd: () => void body?.push(null),
        onResponseError: (_controller, error) => fail(error),
      },
    );
  });
}

function createBody(controller: Dispatcher.DispatchController): Readable {
  const body = new Readable({
    highWaterMark: WAITING_BYTES,
    read: () => controller.resume(),
    destroy(error, done) {
      if (!body.readableEnded) controller.abort(error ?? new Error('Not wanted'));
      done(error);
    },
  });
  // A reader that stops early no longer listens for errors, and an unheard one ends the process.
  return body.on('error', () => {});
}
