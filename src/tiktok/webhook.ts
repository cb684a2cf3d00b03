// TikTok's webhooks: whether the signature is TikTok's, and what the event says.
// https://developers.tiktok.com/doc/webhooks-verification and …/doc/webhooks-events
import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { isEqual } from '../base/secrets.ts';
import { parseText } from './wire.ts';

/** TikTok's reasons for `authorization.removed`, as its page of events numbers them. */
export const REMOVAL_REASONS = {
  unknown: 0,
  user_disconnected: 1,
  account_deleted: 2,
  age_changed: 3,
  account_banned: 4,
  developer_revoked: 5,
} as const;

export type WebhookEvent = { client_key: string; open_id: string; created_at: Date } & (
  | { kind: 'authorization_removed'; reason: number }
  | { kind: 'post_changed'; publish_id: string; has_failed: boolean }
  | { kind: 'other' }
);

/**
 * When TikTok signed this body; null when it did not. `header` is `t=<seconds>,s=<hex>`, with
 * `s = hex(HMAC_SHA256(client_secret, t + "." + body))`.
 */
export function signedAt(header: string, body: Buffer, clientSecret: string): Date | null {
  const fields = new Map(
    header.split(',').map((part) => part.trim().split('=', 2) as [string, string]),
  );
  const t = fields.get('t') ?? '';
  const s = fields.get('s') ?? '';
  if (!/^\d{1,12}$/.test(t) || !/^[0-9a-f]{64}$/i.test(s)) return null;
  const expected = createHmac('sha256', clientSecret).update(`${t}.`).update(body).digest('hex');
  return isEqual(expected, s.toLowerCase()) ? new Date(Number(t) * 1000) : null;
}

// No id of TikTok's holds a NUL, which PostgreSQL would refuse.
const text = z
  .union([z.string().min(1), z.number()])
  .transform(String)
  .refine((id) => !id.includes('\0'));
const seconds = z.coerce
  .number()
  .int()
  .nonnegative()
  .max(1e11)
  .transform((value) => new Date(value * 1000));
const envelope = z.looseObject({
  client_key: text,
  event: z.string().min(1),
  create_time: seconds,
  user_openid: text,
  // A string that holds JSON.
  content: z.unknown().optional(),
});
// A reason that cannot be read is 0, unknown: the permission is gone in any case.
const removal = z.looseObject({ reason: z.coerce.number().int().min(0).max(32_767).catch(0) });
const post = z.looseObject({ publish_id: text });

/** What the body says; null when it is no event. Ids beyond 2^53 survive, as numbers or strings. */
export function parseWebhook(body: string): WebhookEvent | null {
  const parsed = envelope.safeParse(parseJson(body));
  if (!parsed.success) return null;
  const { client_key, event, user_openid: openId, create_time: createdAt } = parsed.data;
  const base = { client_key, open_id: openId, created_at: createdAt };
  const content = parseContent(parsed.data.content);
  if (event === 'authorization.removed') {
    const { reason } = removal.catch({ reason: REMOVAL_REASONS.unknown }).parse(content);
    return { ...base, kind: 'authorization_removed', reason };
  }
  if (event.startsWith('post.publish.')) {
    const about = post.safeParse(content);
    const hasFailed = event === 'post.publish.failed';
    if (about.success) {
      const { publish_id } = about.data;
      return { ...base, kind: 'post_changed', publish_id, has_failed: hasFailed };
    }
  }
  return { ...base, kind: 'other' };
}

function parseContent(content: unknown): unknown {
  return typeof content === 'string' ? parseJson(content) : content;
}

function parseJson(raw: string): unknown {
  try {
    return parseText(raw);
  } catch {
    return undefined;
  }
}
