// Publishing: sends what is ready, confirms what was sent, and hears what TikTok tells by itself.
import type { Manifest } from '#plugin';
import { tiktokWebhook } from '../../src/connections/tiktok-webhook.ts';
import { confirm } from './confirm.ts';
import { send } from './send.ts';

export default {
  name: 'publish',
  steps: { send: { run: send }, confirm: { run: confirm } },
  routes: tiktokWebhook,
  personalData: { nothing: 'It works through the ledger and the jobs, which the core declares.' },
} satisfies Manifest;
