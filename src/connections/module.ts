// The manifest of connecting and being disconnected; the rows are the creators'.
import type { Manifest } from '../context/context.ts';
import { addConnectionPages } from './pages.ts';
import { addTikTokWebhook } from './tiktok-webhook.ts';

export const connections: Manifest = {
  name: 'connections',
  routes(router, ctx) {
    addConnectionPages(router, ctx);
    addTikTokWebhook(router, ctx);
  },
  personalData: { nothing: 'It writes rows of the creators alone, which declare them.' },
};
