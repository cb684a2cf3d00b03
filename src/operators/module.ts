// The manifest of operators: who runs the instance, their sessions, and the log of what they did.

import type { Manifest } from '../context/context.ts';
import { addAccountPages } from './account-pages.ts';
import { addAuditPages } from './audit-pages.ts';
import { addCreatorPages } from './creators/pages.ts';
import { addSecondFactorPages } from './second-factor-pages.ts';
import { applyConfigured } from './sign-in.ts';
import { addSignInPages } from './sign-in-pages.ts';
import { addStaffPages } from './operators-pages.ts';

const SECURITY = 'Legitimate interest in a secure service (Art. 6(1)(f) GDPR)';
const ACCOUNTABILITY = 'Legal obligation to show that requests were answered (Art. 6(1)(c) GDPR)';

export const operators: Manifest = {
  name: 'operators',
  beforeStart: applyConfigured,
  routes(router, ctx) {
    addSignInPages(router, ctx);
    addAccountPages(router, ctx);
    addSecondFactorPages(router, ctx);
    addCreatorPages(router, ctx);
    addStaffPages(router, ctx);
    addAuditPages(router, ctx);
  },
  personalData: {
    tables: {
      operators: {
        called: 'The operator’s staff',
        about: 'staff',
        owner: { keep: 'The operator’s own staff, not creators; removed by another operator.' },
        columns: {
          id: 'Id of the operator.',
          email: 'The email address to sign in with.',
          password_hash: 'A slow hash of the password.',
          password_is_initial: 'Whether the password was made by another operator.',
          configured_hash: 'Whether the configured password was applied.',
          totp_secret: 'The secret of the second factor, encrypted.',
          totp_confirmed_at: 'When the second factor was set up.',
          totp_last_step: 'Which of its codes was used last.',
          failures: 'How many sign-ins failed in a row.',
          locked_until: 'Until when signing in is locked.',
          created_at: 'When the operator was added.',
          updated_at: 'When this row last changed.',
        },
        secret: ['password_hash', 'configured_hash', 'totp_secret', 'totp_last_step'],
        purpose: 'To let the operator’s staff answer requests.',
        legalBasis: SECURITY,
        recipients: 'None',
        kept: 'As long as the person works for the operator.',
      },
      operator_sessions: {
        called: 'Sign-ins of the staff',
        about: 'staff',
        owner: { keep: 'Sessions of the operator’s own staff, not of creators.' },
        columns: {
          id_hash: 'A hash of the session’s id in the cookie.',
          operator_id: 'Who is signed in.',
          expires_at: 'When the session ends.',
          created_at: 'When it began.',
        },
        secret: ['id_hash'],
        purpose: 'To stay signed in on the admin pages.',
        legalBasis: SECURITY,
        recipients: 'None',
        kept: '12 hours after the last visit, or until signing out.',
        ends: { at: 'expires_at' },
      },
      audit_log: {
        called: 'Log of the staff’s acts',
        about: 'staff',
        owner: {
          keep: 'What the operator’s staff did, with the number of a request and never a creator’s id or name.',
        },
        columns: {
          id: 'Number of the line.',
          at: 'When.',
          operator_id: 'Which operator.',
          operator_email: 'The operator’s email address.',
          act: 'What was done.',
          subject:
            'What was acted on, e.g. the number of a request or an operator’s email; no creator.',
          note: 'Particulars, without names.',
        },
        purpose: 'To show who did what on the admin pages.',
        legalBasis: ACCOUNTABILITY,
        recipients: 'None',
        kept: 'As long as the bare record of deletion requests (REQUEST_RETENTION_DAYS).',
        ends: { at: 'at', after: { days: 'REQUEST_RETENTION_DAYS' } },
      },
    },
  },
};
