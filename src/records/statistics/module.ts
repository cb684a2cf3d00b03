// The manifest of statistics: totals of a day or month to which enough people contributed.
import type { Manifest } from '../../context/context.ts';
import { keepTotals } from './store.ts';

export const statistics: Manifest = {
  name: 'statistics',
  chores: {
    // An hour after midnight everything that ended on the day before is committed.
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
          keep: 'Totals hold no identifiers. They are kept only where at least STATISTICS_MIN_CREATORS people contributed.',
        },
        columns: {
          period: 'Whether it is a day or a month.',
          starts_on: 'The first day of it.',
          posts: 'How many posts were made.',
          failed: 'How many posts failed.',
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
