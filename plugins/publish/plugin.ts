// The publish plugin: sends what is ready, and confirms what was sent.
import type { Manifest } from '#plugin';
import { tiktokWebhook } from '../../src/connections/tiktok-webhook.ts';
import { confirm } from './confirm.ts';
import { send } from './send.ts';

export default {
  name: 'publish',
  steps: { send: { run: send }, confirm: { run: confirm } },
  routes: tiktokWebhook,
  personalData: { nothing: 'It works on the ledger and the jobs, which the core declares.' },
} satisfies Manifest;
