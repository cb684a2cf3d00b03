// The manifest of statistics: totals of a day or a month, kept only where enough people contributed.
import type { Manifest } from '../plugin.ts';

export const statistics: Manifest = {
  name: 'statistics',
  personal_data: {
    tables: {
      statistics: {
        owner: {
          keep: 'Totals without identifiers, kept only where at least STATISTICS_MIN_CREATORS people contributed.',
        },
        columns: {
          period: 'A day or a month.',
          starts_on: 'Which one.',
          posts: 'How many posts were made.',
          failed: 'How many failed.',
          bytes: 'How many bytes were sent.',
        },
        purpose: 'To know how much the service is used.',
        legal_basis: 'No personal data',
        recipients: 'None',
        kept: 'Without end.',
      },
    },
  },
};
