// The manifest of domains: Verified URLs, their API and page, and the weekly check.
import type { Manifest } from '../context/context.ts';
import { domainRoutes } from './api.ts';
import { addDomainPages } from './pages.ts';
import { recheckDomains } from './recheck.ts';

export const domains: Manifest = {
  name: 'domains',
  api: domainRoutes,
  routes(router, ctx) {
    addDomainPages(router, ctx);
  },
  chores: {
    recheck: { cron: '23 * * * *', run: (ctx, _payload, signal) => recheckDomains(ctx, signal) },
  },
  personalData: {
    tables: {
      domains: {
        called: 'Verified domains',
        about: 'working',
        owner: { by: 'creator_id' },
        columns: {
          id: 'Id of the domain.',
          creator_id: 'Whose domain it is.',
          host: 'The host.',
          token: 'What its file must hold.',
          verified_at: 'Since when it is verified.',
          checked_at: 'When its file was last looked for.',
          found_at: 'When its file was last found.',
          fault: 'What was wrong with it then.',
          created_at: 'When it was added.',
        },
        purpose:
          'To take media from URLs of servers that are the creator’s own, and from no other.',
        legalBasis: 'Performance of the contract (Art. 6(1)(b) GDPR)',
        recipients: 'The server of that domain, which is asked for the file and for media',
        kept: 'Until it is removed, or until the account is deleted.',
      },
    },
  },
};
