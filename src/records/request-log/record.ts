// Records each request in a table, in batches once a second, so that no request waits for it.
import { isIP } from 'node:net';
import type { Middleware } from 'koa';
import { databaseNow } from '../../base/database-time.ts';
import { waitAtMost } from '../../base/time.ts';
import type { Context } from '../../context/context.ts';
import { findRequestId, findRoutePattern } from '../../http/error-handler.ts';
import { insertRequests, type RequestRow } from './store.ts';

const FLUSH_MS = 1_000;
const STOP_MS = 2_000;
// Bounds the buffer to some megabytes while the database is away; the oldest rows are dropped first.
const MOST_ROWS = 10_000;
/** Machines or pages ask for these all the time, and their rows would hide the others. */
const UNRECORDED = ['/healthz', '/readyz', '/metrics', '/static/:name'];

interface Buffer {
  rows: RequestRow[];
  dropped: number;
  timer: NodeJS.Timeout | null;
  flushing: Promise<void> | null;
}
const buffers = new WeakMap<Context, Buffer>();

export function recordRequests(ctx: Context): Middleware {
  return async (koa, next) => {
    const at = databaseNow();
    const startedAt = performance.now();
    const ip = plainIp(koa.ip);
    koa.res.once('close', () => {
      const route = findRoutePattern(koa);
      if (UNRECORDED.includes(route)) return;
      record(ctx, {
        ...{ at, ip, method: koa.method, route, status: koa.status },
        duration_ms: Math.round(performance.now() - startedAt),
        request_id: findRequestId(koa),
      });
    });
    await next();
  };
}

/** Behind a proxy the address comes from a header, which may hold anything; null if it is none. */
function plainIp(ip: string): string | null {
  const plain = ip.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  return isIP(plain) ? plain : null;
}

function record(ctx: Context, row: RequestRow): void {
  const buffer = buffers.get(ctx) ?? { rows: [], dropped: 0, timer: null, flushing: null };
  buffers.set(ctx, buffer);
  buffer.rows.push(row);
  bound(buffer);
  buffer.timer ??= setTimeout(() => flush(ctx, buffer), FLUSH_MS).unref();
}

function bound(buffer: Buffer): void {
  const tooMany = buffer.rows.length - MOST_ROWS;
  if (tooMany <= 0) return;
  buffer.rows.splice(0, tooMany);
  buffer.dropped += tooMany;
}

/** Runs one insert at a time. Rows that could not be inserted are tried again with the next ones. */
function flush(ctx: Context, buffer: Buffer): Promise<void> {
  buffer.flushing ??= insert(ctx, buffer).finally(() => {
    buffer.flushing = null;
    buffer.timer = null;
    if (buffer.rows.length > 0) {
      buffer.timer = setTimeout(() => flush(ctx, buffer), FLUSH_MS).unref();
    }
  });
  return buffer.flushing;
}

async function insert(ctx: Context, buffer: Buffer): Promise<void> {
  const rows = buffer.rows.splice(0);
  if (rows.length === 0) return;
  try {
    await insertRequests(ctx.db, rows);
    if (buffer.dropped > 0) {
      ctx.log.warn({ event: 'request_log.dropped', count: buffer.dropped });
      buffer.dropped = 0;
    }
  } catch (error) {
    buffer.rows.unshift(...rows);
    bound(buffer);
    ctx.log.warn({ event: 'request_log.fault', waiting: buffer.rows.length, err: error });
  }
}

/** Inserts what is left before the database closes. It waits two seconds at most. */
export async function flushRequests(ctx: Context): Promise<void> {
  const buffer = buffers.get(ctx);
  if (!buffer) return;
  if (buffer.timer) clearTimeout(buffer.timer);
  const flushed = Promise.resolve(buffer.flushing).then(() => insert(ctx, buffer));
  await waitAtMost(STOP_MS, flushed, undefined);
}
