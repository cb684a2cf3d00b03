// The manifest of operators, who run the instance: their pages, their sessions and the audit log.
import type { Manifest } from '../context/context.ts';
import { addAccountPages } from './account-pages.ts';
import { addAuditPages } from './audit-pages.ts';
import { addCreatorPages } from './creators/pages.ts';
import { addOperatorsPages } from './operators-pages.ts';
import { addSecondFactorPages } from './second-factor-pages.ts';
import { applyConfigured } from './sign-in.ts';
import { addSignInPages } from './sign-in-pages.ts';

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
    addOperatorsPages(router, ctx);
    addAuditPages(router, ctx);
  },
  personalData: {
    tables: {
      operators: {
        called: 'Operators',
        about: 'operators',
        owner: {
          keep: 'Operators run this instance and are not creators. Another operator removes them.',
        },
        columns: {
          id: 'Id of the operator.',
          email: 'The email address to sign in with.',
          password_hash: 'A slow hash of the password.',
          password_is_initial: 'Whether another operator made the password.',
          configured_hash: 'A slow hash of the configured password that was applied last.',
          totp_secret: 'The secret of the second factor, encrypted.',
          totp_confirmed_at: 'When the second factor was set up.',
          totp_last_step: 'Which of its codes was used last.',
          failures: 'How many sign-ins failed in a row.',
          locked_until: 'Until when signing in is locked.',
          created_at: 'When the operator was added.',
          updated_at: 'When this row last changed.',
        },
        secret: ['password_hash', 'configured_hash', 'totp_secret', 'totp_last_step'],
        purpose: 'To let operators sign in and answer requests.',
        legalBasis: SECURITY,
        recipients: 'None',
        kept: 'Until another operator removes the account.',
      },
      operator_sessions: {
        called: 'Sign-ins of operators',
        about: 'operators',
        owner: { keep: 'Sessions of operators, not of creators.' },
        columns: {
          id_hash: 'A hash of the session’s id in the cookie.',
          operator_id: 'Who is signed in.',
          expires_at: 'When the session ends.',
          created_at: 'When it began.',
        },
        secret: ['id_hash'],
        purpose: 'To keep an operator signed in on the admin pages.',
        legalBasis: SECURITY,
        recipients: 'None',
        kept: '12 hours after the last visit, or until signing out.',
        ends: { at: 'expires_at' },
      },
      audit_log: {
        called: 'Audit log of operators',
        about: 'operators',
        owner: {
          keep: 'What operators did, with the number of a request and never a creator’s id or name.',
        },
        columns: {
          id: 'Number of the line.',
          at: 'When it was done.',
          operator_id: 'Which operator did it.',
          operator_email: 'The operator’s email address.',
          act: 'What was done.',
          subject:
            'What it was done to, e.g. the number of a request or an operator’s email; never a creator.',
          note: 'Particulars, without a creator’s name.',
        },
        purpose: 'To show who did what on the admin pages.',
        legalBasis: ACCOUNTABILITY,
        recipients: 'None',
        kept: 'REQUEST_RETENTION_DAYS, as long as the bare record of a deletion request.',
        ends: { at: 'at', after: { days: 'REQUEST_RETENTION_DAYS' } },
      },
    },
  },
};
