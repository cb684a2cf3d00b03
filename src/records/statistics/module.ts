// The manifest of statistics: totals of a day or a month, kept only where enough people contributed.
import type { Manifest } from '../../context/context.ts';
import { keepTotals } from './store.ts';

export const statistics: Manifest = {
  name: 'statistics',
  chores: {
    // An hour after midnight: what ended before it is committed by then.
    daily: {
      cron: '0 1 * * *',
      async run(ctx) {
        const kept = await keepTotals(ctx.db, ctx.config.STATISTICS_MIN_CREATORS);
        if (kept.days + kept.months > 0) ctx.log.info({ event: 'statistics.kept', ...kept });
      },
    },
  },
  personalData: {
    tables: {
      statistics: {
        called: 'Totals of a day or a month',
        about: 'totals',
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
        legalBasis: 'No personal data',
        recipients: 'None',
        kept: 'Without end.',
      },
    },
  },
};
