// Retention: runs the sweep and the reconciliation of src/retention as graphile tasks.
import { type Manifest, reconcile, removeCopies, sweep } from '#plugin';

export default {
  name: 'retention',
  chores: {
    sweep: { cron: '*/5 * * * *', run: (ctx, _payload, signal) => sweep(ctx, signal) },
    mend: { cron: '*/5 * * * *', run: reconcile },
  },
  events: {
    // What was made for a post alone goes as soon as the post has ended.
    copies: {
      on: ['job.finished', 'job.cancelled', 'job.resolved', 'job.settled'],
      run: (ctx, { subject }, signal) => removeCopies(ctx, subject.id, signal),
    },
  },
  personalData: {
    nothing: 'It runs chores of the core, which declares their tables.',
  },
} satisfies Manifest;
