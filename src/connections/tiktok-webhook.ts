// POST /webhooks/tiktok: checks TikTok's signature, and answers once the event's effect is durable.
import type { IncomingMessage } from 'node:http';
import type Router from '@koa/router';
import { measureSince } from '../base/database-time.ts';
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { hearOfPost } from '../jobs/attempts/told.ts';
import { parseWebhook, signedAt, type WebhookEvent } from '../tiktok/webhook.ts';
import { removeAuthorization } from './removal.ts';

const MAX_BYTES = 64_000;
// The request ends when no byte has come for this long.
const IDLE_MS = 10_000;
// A signature older than this is marked as late in the log.
const LATE_MS = 300_000;

export function addTikTokWebhook(router: Router, ctx: Context): void {
  router.post('/webhooks/tiktok', async (koa) => {
    const body = await readBody(koa.req);
    const signedTime = signedAt(
      koa.get('TikTok-Signature'),
      body,
      ctx.config.TIKTOK_CLIENT_SECRET as string,
    );
    if (!signedTime) {
      throw new Problem('unauthorized', 'The header TikTok-Signature is missing or wrong.');
    }
    const event = parseWebhook(body.toString('utf8'));
    if (!event) throw new Problem('invalid_request', 'Expected an event from TikTok.');
    if (event.client_key !== ctx.config.TIKTOK_CLIENT_KEY) {
      throw new Problem('unauthorized', 'The event is for another app.');
    }
    // TikTok does not say whether it signs a retry anew, so an old signature is accepted. An event
    // that comes twice does no harm, and one that is lost does.
    const isLate = measureSince(signedTime) > LATE_MS;
    const outcome = await apply(ctx, event);
    ctx.log.info({ event: 'tiktok.told', kind: event.kind, ...outcome, is_late: isLate });
    koa.status = 200;
    koa.body = '';
  });
}

/** Returns when the effect is committed; after an error TikTok sends the event again. */
async function apply(ctx: Context, event: WebhookEvent): Promise<Record<string, unknown>> {
  if (event.kind === 'authorization_removed') {
    const { open_id, reason, created_at: at } = event;
    return { outcome: await removeAuthorization(ctx, open_id, { reason, at }), reason };
  }
  if (event.kind === 'post_changed') {
    const jobId = await hearOfPost(ctx.db, event);
    return { outcome: jobId ? 'asked' : 'unknown', ...(jobId ? { job_id: jobId } : {}) };
  }
  return { outcome: 'ignored' };
}

/**
 * Returns the bytes as they came, since the signature covers them.
 * @throws Problem `too_large`.
 */
async function readBody(request: IncomingMessage): Promise<Buffer> {
  request.socket.setTimeout(IDLE_MS);
  const parts: Buffer[] = [];
  let bytes = 0;
  // A request that is too large stays open, so that the answer still reaches TikTok.
  for await (const part of request.iterator({ destroyOnReturn: false })) {
    bytes += part.length;
    if (bytes > MAX_BYTES) throw new Problem('too_large', 'Expected at most 64 kB.');
    parts.push(part);
  }
  return Buffer.concat(parts);
}
