// Deletion: erases a creator in the order that a crash anywhere cannot harm, and proves that nothing is left.
import type { Manifest } from '#plugin';
import { execute, resume } from '../../src/deletion/execute.ts';
import { eraseTheReturned } from '../../src/deletion/restore.ts';
import { tryDueRevocations } from '../../src/deletion/revoke.ts';

export default {
  name: 'deletion',
  chores: {
    execute: {
      run: (ctx, payload, signal) =>
        execute(ctx, (payload as { deletion_id: string }).deletion_id, signal),
    },
    resume: {
      cron: '* * * * *',
      async run(ctx, _payload, signal) {
        await resume(ctx);
        await tryDueRevocations(ctx, signal);
      },
    },
  },
  beforeStart: eraseTheReturned,
  personalData: { nothing: 'It works on the deletions, which the core declares.' },
} satisfies Manifest;
