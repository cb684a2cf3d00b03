// The manifest of connecting with TikTok and being disconnected; it owns no table.
import type { Manifest } from '../context/context.ts';
import { addConnectionPages } from './pages.ts';
import { addTikTokWebhook } from './tiktok-webhook.ts';

export const connections: Manifest = {
  name: 'connections',
  routes(router, ctx) {
    addConnectionPages(router, ctx);
    addTikTokWebhook(router, ctx);
  },
  personalData: { nothing: 'It writes only to tables that other modules declare.' },
};
