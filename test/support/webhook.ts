// TikTok's webhook as a test itself sends it, at a moment of its own choice.
import { signature } from '../../scripts/tiktok-sandbox/webhooks.ts';
import type { Json } from './appliance.ts';

/** Returns the status that the appliance answers with. */
export async function sendWebhook(
  url: string,
  openId: string,
  event: string,
  content: Json,
): Promise<number> {
  const seconds = Math.floor(Date.now() / 1000);
  const body = JSON.stringify({
    ...{ client_key: 'sbsandbox', event, create_time: seconds, user_openid: openId },
    content: JSON.stringify(content),
  });
  const signed = signature('sandbox-secret', seconds, body);
  const headers = { 'content-type': 'application/json', 'tiktok-signature': signed };
  const { status } = await fetch(`${url}/webhooks/tiktok`, { method: 'POST', headers, body });
  return status;
}
