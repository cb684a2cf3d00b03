// The manifest of the account: its settings page, its keys page and its JSON API.
import type { Manifest } from '../context/context.ts';
import { creatorRoutes } from './api.ts';
import { addKeysPages } from './keys-pages.ts';
import { addSettingsPages } from './settings.ts';

export const account: Manifest = {
  name: 'account',
  api: creatorRoutes,
  routes(router, ctx) {
    addSettingsPages(router, ctx);
    addKeysPages(router, ctx);
  },
  personalData: { nothing: 'Shows and changes what creators, access and jobs keep.' },
};
