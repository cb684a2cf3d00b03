// The manifest of deletions: those under way, their receipts, and the requests that came by email.

import { addRequestPages } from '../deletion-requests/pages.ts';
import { addProvePages } from '../deletion-requests/prove-pages.ts';
import type { Manifest } from '../plugin.ts';
import { addApiRoutes } from '../web/api.ts';
import { deletionRoutes } from './api.ts';
import { addDeletionPages } from './pages.ts';

const OBLIGATION = 'Legal obligation to erase and to show it (Art. 6(1)(c), 17 and 5(2) GDPR)';

export const deletions: Manifest = {
  name: 'deletions',
  api: deletionRoutes,
  routes(router, ctx) {
    addApiRoutes(router, ctx, deletionRoutes);
    addDeletionPages(router, ctx);
    addRequestPages(router, ctx);
    addProvePages(router, ctx);
  },
  personalData: {
    tables: {
      deletions: {
        called: 'Receipts of deletions',
        about: 'evidence',
        owner: {
          scrub: { by: 'creator_id', columns: [] },
          keep: 'The receipt of a deletion: numbers and times. It names nobody once the deletion is done.',
        },
        columns: {
          id: 'Id of the deletion.',
          receipt_token: 'The random part of the receipt’s address.',
          method: 'How it was asked for.',
          creator_id: 'Whose data is being deleted; empty once it is.',
          sealed_identifiers: 'Whom to search for, encrypted; dropped when nothing was found.',
          requested_at: 'When it was asked for.',
          quiet_at: 'When the last running step had ended.',
          recorded_at: 'When it was written into the ledger of deletions.',
          erased_at: 'When the data was gone.',
          done_at: 'When the search for traces had found nothing.',
          receipt: 'How many rows of each kind, files and bytes were deleted.',
          traces: 'How many traces were found afterwards.',
          faults: 'How often the search found something.',
          revocation: 'Whether TikTok has ended the permission.',
          sealed_grant: 'The token to end it with, encrypted; at most 30 days.',
          open_id_hash:
            'A keyed hash that tells when the same person connects again; at most 30 days.',
          revoke_lease: 'Which process is asking TikTok.',
          revoke_leased_until: 'Until when it may.',
          revoke_at: 'When TikTok is asked next.',
          revoke_tries: 'How often TikTok was asked.',
          revoked_at: 'When TikTok had ended it.',
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
        kept: 'REQUEST_RETENTION_DAYS after the deletion; the encrypted token at most 30 days.',
        ends: {
          at: 'done_at',
          after: { days: 'REQUEST_RETENTION_DAYS' },
          unless: "revocation = 'pending'",
        },
      },
      deletion_requests: {
        called: 'Deletion requests by email',
        about: 'evidence',
        owner: {
          scrub: {
            by: 'creator_id',
            columns: [
              'username',
              'profile_url',
              'usage',
              'details',
              'proof_description',
              'bio_code',
              'refusal_reason',
            ],
          },
          keep: 'The bare record that a request was answered in time: number, times, method and operator.',
        },
        columns: {
          id: 'Id of the request.',
          number: 'Its number.',
          state: 'How far it has come.',
          received_at: 'When the email came.',
          username: 'The TikTok username it named; gone with the data.',
          profile_url: 'The profile link it named; gone with the data.',
          usage: 'How the person used the service; gone with the data.',
          details: 'Job ids, times and messages it named; gone with the data.',
          creator_id: 'The account that was found; empty once it is deleted.',
          method: 'How ownership was proved.',
          proof_description: 'Which other change was asked for; gone with the data.',
          bio_code: 'The code for the TikTok bio; gone with the data.',
          proof_token_hash: 'A hash of the one-time link.',
          proof_token: 'The one-time link’s random part, encrypted, until it was used.',
          proof_expires_at: 'When that link ends.',
          proof_browser_hash: 'A hash of a random value in the browser that used it.',
          proof_match: 'Whether the one-time link was used by the right account.',
          verified_at: 'When ownership was proved.',
          execute_after: 'When a proof of the name alone may be acted on.',
          needs_second_operator: 'Whether a second operator must confirm.',
          verified_by: 'Which operator confirmed the proof.',
          refusal_reason: 'Why it was refused.',
          deletion_id: 'The deletion that followed.',
          closed_at: 'When it was answered.',
          version: 'Which change of the row this is.',
          created_at: 'When it was entered.',
        },
        secret: ['proof_token_hash', 'proof_token', 'proof_browser_hash'],
        purpose: 'To answer requests by email in time, for the right person.',
        legalBasis: OBLIGATION,
        recipients: 'None',
        kept: 'REQUEST_RETENTION_DAYS after the answer; the person’s words only until then.',
        ends: { at: 'closed_at', after: { days: 'REQUEST_RETENTION_DAYS' } },
      },
      deletion_request_events: {
        called: 'What was done about a request',
        about: 'evidence',
        owner: {
          keep: 'Who of the staff did what about a request, and when; notes are emptied with the person’s words.',
        },
        columns: {
          id: 'Number of the line.',
          request_id: 'Which request.',
          at: 'When.',
          operator_id: 'Which operator.',
          operator_email: 'The operator’s email address.',
          name: 'What happened.',
          note: 'What the operator wrote down; emptied when the request is closed.',
        },
        purpose: 'To show that a request was handled with care.',
        legalBasis: OBLIGATION,
        recipients: 'None',
        kept: 'As long as the request.',
      },
    },
  },
};
