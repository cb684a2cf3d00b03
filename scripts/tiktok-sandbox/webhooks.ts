// Sends signed webhooks to the app's callback URL, and again until it answers with 200.
// https://developers.tiktok.com/doc/webhooks-verification
import { createHmac } from 'node:crypto';
import { request } from 'undici';
import type { Grant, State } from './state.ts';

// TikTok retries for three days; this is as long as a process under load takes to restart.
const TRIES = 8;

/** Returns the signature header: `s = hex(HMAC_SHA256(client_secret, t + "." + body))`. */
export function signature(clientSecret: string, t: number, body: string): string {
  return `t=${t},s=${createHmac('sha256', clientSecret).update(`${t}.${body}`).digest('hex')}`;
}

/** Sends an event at least once, in no promised order, and returns without waiting. */
export function announce(
  state: State,
  { client_key, open_id }: Pick<Grant, 'client_key' | 'open_id'>,
  event: string,
  content: Record<string, unknown>,
): void {
  const app = state.apps.find((each) => each.client_key === client_key);
  if (!app?.webhook_url) return;
  const t = Math.floor(Date.now() / 1000);
  // TikTok sends `content` as a JSON string inside the JSON.
  const body = JSON.stringify({
    client_key,
    event,
    create_time: t,
    user_openid: open_id,
    content: JSON.stringify(content),
  });
  const sent = { event, body, status: null as number | null, at: new Date().toISOString() };
  state.webhooks.push(sent);
  void deliver(app.webhook_url, signature(app.client_secret, t, body), body, (status) => {
    sent.status = status;
  });
}

async function deliver(
  url: string,
  signed: string,
  body: string,
  onStatus: (status: number) => void,
): Promise<void> {
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    try {
      const headers = { 'content-type': 'application/json', 'tiktok-signature': signed };
      const answer = await request(url, { method: 'POST', headers, body, headersTimeout: 5_000 });
      await answer.body.dump();
      onStatus(answer.statusCode);
      if (answer.statusCode === 200) return;
    } catch {
      onStatus(0);
    }
    await new Promise((resolve) => setTimeout(resolve, 1_000 * 2 ** attempt).unref());
  }
}
