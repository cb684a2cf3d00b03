// Makes the signal that aborts when a client closes its connection.
import type { Context as KoaContext } from 'koa';

/** Returns a signal that aborts if the connection closes before the whole answer was sent. */
export function closeSignal(koa: KoaContext): AbortSignal {
  const closed = new AbortController();
  koa.res.once('close', () => {
    if (!koa.res.writableFinished)
      closed.abort(new DOMException('The client has gone', 'AbortError'));
  });
  return closed.signal;
}
