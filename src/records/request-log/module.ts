// The manifest of the request log: one row per request, for security alone.
import type { Manifest } from '../../context/context.ts';

export const requestLog: Manifest = {
  name: 'request_log',
  personalData: {
    tables: {
      request_log: {
        called: 'Request log',
        about: 'technical',
        owner: {
          keep: 'A technical log for security and abuse prevention holds an IP address and a route, never an account.',
        },
        columns: {
          id: 'Number of the line.',
          at: 'When the request came.',
          ip: 'The IP address it came from.',
          method: 'The HTTP method.',
          route: 'The pattern of the address, without ids.',
          status: 'The HTTP status.',
          duration_ms: 'How long it took.',
          request_id: 'The id of the request.',
        },
        purpose: 'Security, abuse prevention and debugging.',
        legalBasis: 'Legitimate interest in a secure service (Art. 6(1)(f) GDPR)',
        recipients: 'None',
        kept: 'LOG_RETENTION_DAYS, at most 90 days.',
        ends: { at: 'at', after: { days: 'LOG_RETENTION_DAYS' }, early: '1 hours' },
      },
    },
  },
};
