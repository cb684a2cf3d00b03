// The manifest of privacy: the export and the legal pages, made from what all modules declare.
import type { Manifest } from '../context/context.ts';
import { privacyRoutes } from './api.ts';
import { addPrivacyPages } from './pages.ts';

export const privacy: Manifest = {
  name: 'privacy',
  api: privacyRoutes,
  routes(router, ctx) {
    addPrivacyPages(router, ctx);
  },
  personalData: { nothing: 'It shows what other modules declare.' },
};
