// A signal that aborts when the client has gone.
import type { Context as KoaContext } from 'koa';

/** Aborts when the connection closes before the answer was sent whole. */
export function closeSignal(koa: KoaContext): AbortSignal {
  const closed = new AbortController();
  koa.res.once('close', () => {
    if (!koa.res.writableFinished)
      closed.abort(new DOMException('The client has gone', 'AbortError'));
  });
  return closed.signal;
}
