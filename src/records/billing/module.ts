// The manifest of billing records, which the law requires us to keep.
import type { Manifest } from '../../context/context.ts';

export const billing: Manifest = {
  name: 'billing',
  personalData: {
    tables: {
      billing_records: {
        called: 'Billing records',
        about: 'billing',
        owner: {
          scrub: { by: 'creator_id', columns: [] },
          keep: 'Tax and accounting law requires us to keep the record of a payment. It holds no token, no media and no card number.',
        },
        columns: {
          id: 'Id of the record.',
          creator_id: 'Whose subscription it is; empty once the account is deleted.',
          paypal_subscription_id: 'PayPal’s id of the subscription.',
          status: 'Whether the subscription is active.',
          paid_until: 'End of the paid period.',
          grace_until: 'End of the days of grace.',
          access_until: 'When access ends.',
          created_at: 'When the record was made.',
          updated_at: 'When the record last changed.',
        },
        purpose: 'Accounting.',
        legalBasis: 'Legal obligation to keep accounts (Art. 6(1)(c) GDPR)',
        recipients: 'PayPal, from whom they come',
        kept: 'As long as tax law requires.',
      },
    },
  },
};
