// The manifest of deletion requests, which come by email: pages, metrics, hooks and tables.
import type { Manifest } from '../context/context.ts';
import { finishRequests, leaveRequests } from './close.ts';
import { addRequestPages } from './pages.ts';
import { addProvePages } from './prove-pages.ts';
import { countOpenRequests, findNotice } from './store.ts';

const OBLIGATION = 'Legal obligation to erase and to show it (Art. 6(1)(c), 17 and 5(2) GDPR)';

export const deletionRequests: Manifest = {
  name: 'deletion_requests',
  metrics: [
    {
      name: 'pm3k_deletion_requests',
      help: 'Deletion requests by email that wait for an answer, and those of them that are overdue',
      labelNames: ['state'],
      async collect({ db }) {
        const { open, overdue } = await countOpenRequests(db);
        return [
          { labels: { state: 'open' }, value: open },
          { labels: { state: 'overdue' }, value: overdue },
        ];
      },
    },
  ],
  async notices({ db }, creatorId) {
    const notice = await findNotice(db, creatorId);
    return notice ? [{ template: '/deletion-requests/notice', view: notice }] : [];
  },
  beforeErase: leaveRequests,
  afterErase: finishRequests,
  routes(router, ctx) {
    addRequestPages(router, ctx);
    addProvePages(router, ctx);
  },
  personalData: {
    tables: {
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
          keep: 'We keep the bare record that a request was answered in time: number, times, method and operator.',
        },
        columns: {
          id: 'Id of the request.',
          number: 'Its number.',
          state: 'How far the request has come.',
          received_at: 'When the email came.',
          username: 'The TikTok username in the email; emptied with the data.',
          profile_url: 'The profile link in the email; emptied with the data.',
          usage: 'How the person used the service; emptied with the data.',
          details: 'Job ids, times and messages in the email; emptied with the data.',
          creator_id: 'The account that the request is about; empty once it is deleted.',
          method: 'How ownership was proved.',
          proof_description: 'Which other change we asked for; emptied with the data.',
          bio_code: 'The code for the TikTok bio; emptied with the data.',
          proof_token_hash: 'A hash of the one-time link.',
          proof_token: 'The random part of the one-time link, encrypted, until it is used.',
          proof_expires_at: 'When that link ends.',
          proof_browser_hash: 'A hash of a random value in the browser that used the link.',
          proof_match: 'Whether the right account used the one-time link.',
          verified_at: 'When ownership was proved.',
          execute_after: 'When a proof of the name alone may be acted on.',
          needs_second_operator: 'Whether a second operator must confirm.',
          verified_by: 'Which operator confirmed the proof.',
          refusal_reason: 'Why the request was refused.',
          deletion_id: 'The deletion that followed.',
          closed_at: 'When the request was answered.',
          version: 'How often the request has changed.',
          created_at: 'When the request was entered.',
        },
        secret: ['proof_token_hash', 'proof_token', 'proof_browser_hash'],
        purpose: 'To answer requests by email in time, for the right person.',
        legalBasis: OBLIGATION,
        recipients: 'None',
        kept: 'The bare record for REQUEST_RETENTION_DAYS after the answer; the person’s words until the answer.',
        ends: { at: 'closed_at', after: { days: 'REQUEST_RETENTION_DAYS' } },
      },
      deletion_request_events: {
        called: 'What was done about a request',
        about: 'evidence',
        owner: {
          keep: 'We keep which operator did what about a request, and when. What the operator wrote down is emptied with the person’s words.',
        },
        columns: {
          id: 'Number of the line.',
          request_id: 'Which request it is about.',
          at: 'When it happened.',
          operator_id: 'Which operator did it.',
          operator_email: 'The operator’s email address.',
          name: 'What happened.',
          note: 'What the operator wrote down; emptied when the request is closed.',
        },
        purpose: 'To show how a request was handled.',
        legalBasis: OBLIGATION,
        recipients: 'None',
        kept: 'As long as the request.',
      },
    },
  },
};
