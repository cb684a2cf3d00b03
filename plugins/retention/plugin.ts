// Retention: runs the sweep and the reconciliation of src/retention as graphile tasks.
import { type Manifest, reconcile, removeCopies, sweep } from '#plugin';

export default {
  name: 'retention',
  chores: {
    sweep: { cron: '*/5 * * * *', run: (ctx, _payload, signal) => sweep(ctx, signal) },
    mend: { cron: '*/5 * * * *', run: reconcile },
    // Queued when a post has ended, so that its copy is removed at once.
    copies: { run: (ctx, _payload, signal) => removeCopies(ctx, signal) },
  },
  personalData: {
    nothing: 'It runs chores of the core, which declares their tables.',
  },
} satisfies Manifest;
