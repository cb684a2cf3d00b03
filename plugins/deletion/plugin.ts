// Deletion: runs the executor of src/deletion as graphile tasks.
import { executeDeletion, type Manifest, resumeDeletions } from '#plugin';

export default {
  name: 'deletion',
  chores: {
    execute: {
      run: (ctx, payload, signal) =>
        executeDeletion(ctx, (payload as { deletion_id: string }).deletion_id, signal),
    },
    resume: { cron: '* * * * *', run: (ctx, _payload, signal) => resumeDeletions(ctx, signal) },
  },
  personalData: { nothing: 'It runs chores of the core, which declares their tables.' },
} satisfies Manifest;
