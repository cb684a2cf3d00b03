// The manifest of access: sessions, API keys, remembered answers and rate limits.
import type { Manifest } from '../context/context.ts';

const SECURITY = 'Legitimate interest in a secure service (Art. 6(1)(f) GDPR)';
const CONTRACT = 'Performance of the contract (Art. 6(1)(b) GDPR)';

export const access: Manifest = {
  name: 'access',
  personalData: {
    tables: {
      sessions: {
        called: 'Sign-ins',
        about: 'working',
        owner: { by: 'creator_id' },
        columns: {
          id_hash: 'A hash of the session’s id in the cookie.',
          creator_id: 'Who is signed in.',
          expires_at: 'When the session ends.',
          created_at: 'When it began.',
        },
        secret: ['id_hash'],
        purpose: 'To stay signed in on the dashboard.',
        legalBasis: CONTRACT,
        recipients: 'None',
        kept: '30 days after the last visit, or until signing out.',
        ends: { at: 'expires_at' },
      },
      api_keys: {
        called: 'API keys',
        about: 'account',
        owner: { by: 'creator_id' },
        columns: {
          id: 'Id of the key.',
          creator_id: 'Whose key it is.',
          name: 'The name the creator gave it.',
          key_hash: 'A hash of the key; the key itself is never stored.',
          hint: 'The last four characters of the key.',
          expires_at: 'When it stops working.',
          last_used_at: 'When it was last used, to the minute.',
          created_at: 'When it was issued.',
        },
        secret: ['key_hash'],
        purpose: 'To let the creator’s programs post.',
        legalBasis: CONTRACT,
        recipients: 'None',
        kept: 'Until replaced or removed, 30 days after it expired, or until the account is deleted.',
        ends: { at: 'expires_at', after: '30 days' },
      },
      idempotency_keys: {
        called: 'Remembered answers to programs',
        about: 'working',
        owner: { by: 'creator_id' },
        columns: {
          creator_id: 'Whose request it was.',
          key_hash: 'A hash of the request’s Idempotency-Key.',
          request_hash: 'A hash of the request.',
          locked_until: 'Until when the first request may be running.',
          status: 'The HTTP status answered.',
          location: 'The address answered.',
          body: 'The answer, to give again.',
          created_at: 'When the request came.',
        },
        secret: ['key_hash', 'request_hash'],
        purpose: 'To answer a repeated request as the first, so that nothing is posted twice.',
        legalBasis: CONTRACT,
        recipients: 'None',
        kept: '24 hours.',
        ends: { at: 'created_at', after: '24 hours' },
      },
      rate_limits: {
        called: 'Rate limits',
        about: 'technical',
        owner: {
          keep: 'Counters of a minute, under the id of an API key or a keyed hash of an address or account; gone within an hour.',
        },
        columns: {
          key: 'Id of an API key, or a keyed hash of an IP address or account.',
          points: 'Requests in this minute.',
          expire: 'When the minute ends.',
        },
        purpose: 'To keep abuse out.',
        legalBasis: SECURITY,
        recipients: 'None',
        kept: 'An hour at most.',
        ends: { at: 'to_timestamp(expire / 1000.0)', after: '30 minutes' },
      },
    },
  },
};
