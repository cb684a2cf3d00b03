// Signed webhooks to the app's one callback address, tried again when not answered with 200.
// https://developers.tiktok.com/doc/webhooks-verification
import { createHmac } from 'node:crypto';
import { request } from 'undici';
import type { State } from './state.ts';

// TikTok goes on for three days; so long as a process under load takes to come back.
const TRIES = 8;

/** `s = hex(HMAC_SHA256(client_secret, t + "." + body))`. */
export function signature(clientSecret: string, t: number, body: string): string {
  return `t=${t},s=${createHmac('sha256', clientSecret).update(`${t}.${body}`).digest('hex')}`;
}

/** Sends without waiting; at least once, in no promised order. */
export function announce(
  state: State,
  clientKey: string,
  userOpenid: string,
  event: string,
  content: Record<string, unknown>,
): void {
  const app = state.apps.find((each) => each.client_key === clientKey);
  if (!app?.webhook_url) return;
  const t = Math.floor(Date.now() / 1000);
  // `content` is a JSON string inside the JSON.
  const body = JSON.stringify({
    client_key: clientKey,
    event,
    create_time: t,
    user_openid: userOpenid,
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
  report: (status: number) => void,
): Promise<void> {
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    try {
      const headers = { 'content-type': 'application/json', 'tiktok-signature': signed };
      const answer = await request(url, { method: 'POST', headers, body, headersTimeout: 5_000 });
      await answer.body.dump();
      report(answer.statusCode);
      if (answer.statusCode === 200) return;
    } catch {
      report(0);
    }
    await new Promise((resolve) => setTimeout(resolve, 1_000 * 2 ** attempt).unref());
  }
}
