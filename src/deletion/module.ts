// The manifest of deletions: routes, pages, the check at start, and the `deletions` table.
import type { Manifest } from '../context/context.ts';
import { deletionRoutes } from './api.ts';
import { addDeletionPages } from './pages.ts';
import { eraseReturned } from './restore.ts';
import { rewriteDue, warnOfKeptLog } from './rewrite.ts';

const OBLIGATION = 'Legal obligation to erase and to show it (Art. 6(1)(c), 17 and 5(2) GDPR)';

export const deletions: Manifest = {
  name: 'deletions',
  api: deletionRoutes,
  async beforeStart(ctx) {
    await eraseReturned(ctx);
    await warnOfKeptLog(ctx);
  },
  chores: { rewrite: { run: (ctx, _payload, signal) => rewriteDue(ctx, signal) } },
  routes(router, ctx) {
    addDeletionPages(router, ctx);
  },
  personalData: {
    tables: {
      deletions: {
        called: 'Receipts of deletions',
        about: 'evidence',
        owner: {
          scrub: { by: 'creator_id', columns: [] },
          keep: 'The receipt of a deletion holds numbers and times. It names nobody once the deletion is done.',
        },
        columns: {
          id: 'Id of the deletion.',
          receipt_token: 'The random part of the receipt’s address.',
          method: 'How the deletion was asked for.',
          creator_id: 'Whose data is being deleted; empty once it is deleted.',
          sealed_identifiers:
            'The ids and the name to search for, encrypted; removed when nothing was found.',
          requested_at: 'When the deletion was asked for.',
          quiet_at: 'When the last running step had ended.',
          recorded_at: 'When the deletion was written into the ledger of deletions.',
          erased_at: 'When the data was deleted.',
          searched_at: 'When the search for traces found nothing.',
          done_at: 'When the database’s files held nothing either.',
          cleared_disks: 'On which disks the working files were removed.',
          rewrite_tables: 'Which tables’ files are still to be rewritten.',
          rewrite_at: 'When they are rewritten.',
          receipt: 'How many rows of each kind, files and bytes were deleted.',
          traces: 'How many traces were found afterwards.',
          faults: 'How often the search found something.',
          revocation: 'Whether TikTok has ended the permission.',
          sealed_grant:
            'The token that ends the permission, encrypted; stored for at most 30 days.',
          open_id_hash:
            'A keyed hash by which we notice that the same person connects again; at most 30 days.',
          revoke_lease: 'Which process is asking TikTok.',
          revoke_leased_until: 'Until when that process may ask.',
          revoke_at: 'When TikTok is asked next.',
          revoke_tries: 'How often TikTok was asked.',
          revoked_at: 'When TikTok ended the permission.',
        },
        secret: [
          'sealed_identifiers',
          'sealed_grant',
          'open_id_hash',
          'revoke_lease',
          'receipt_token',
        ],
        purpose: 'To delete completely, and to prove it.',
        legalBasis: OBLIGATION,
        recipients: 'TikTok, which is told to end the permission',
        kept: 'REQUEST_RETENTION_DAYS after the deletion; the encrypted token for at most 30 days.',
        ends: {
          at: 'done_at',
          after: { days: 'REQUEST_RETENTION_DAYS' },
          unless: "revocation = 'pending'",
        },
      },
    },
  },
};
