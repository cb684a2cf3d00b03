// Retention: what has reached its end goes, in small batches, and file and row that lost each other are mended.
import { type Manifest, reconcile, removeCopies, sweep } from '#plugin';

export default {
  name: 'retention',
  chores: {
    sweep: { cron: '*/5 * * * *', run: (ctx, _payload, signal) => sweep(ctx, signal) },
    mend: { cron: '*/5 * * * *', run: reconcile },
    // Asked for when a post has ended, so that its copy goes at once.
    copies: { run: (ctx, _payload, signal) => removeCopies(ctx, signal) },
  },
  personalData: {
    nothing: 'It removes what other modules declare; what it did is declared there.',
  },
} satisfies Manifest;
