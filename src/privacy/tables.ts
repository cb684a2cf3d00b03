// What the database tool, the queue and the heartbeat keep: declared like everything else.
import type { Manifest } from '../plugin.ts';

const NOBODY = {
  legal_basis: 'No personal data',
  recipients: 'None',
};

export const database: Manifest = {
  name: 'database',
  personal_data: {
    tables: {
      knex_migrations: {
        owner: { keep: 'Names of schema changes; nothing about anybody.' },
        columns: {
          id: 'Number.',
          name: 'Which schema change.',
          batch: 'With which others.',
          migration_time: 'When.',
        },
        purpose: 'To know which schema changes were made.',
        ...NOBODY,
        kept: 'As long as the database.',
      },
      knex_migrations_lock: {
        owner: { keep: 'One flag; nothing about anybody.' },
        columns: { index: 'Number.', is_locked: 'Whether a change is under way.' },
        purpose: 'To make schema changes one at a time.',
        ...NOBODY,
        kept: 'As long as the database.',
      },
    },
  },
};

export const queue: Manifest = {
  name: 'queue',
  personal_data: {
    tables: {
      worker_pools: {
        owner: { keep: 'Random ids of worker processes; nothing about anybody.' },
        columns: {
          pool_id: 'Random id of a worker pool.',
          lane: 'Which kind of work it does.',
          started_at: 'When it started.',
          beat_at: 'When it was last alive.',
          declared_dead: 'Whether others have taken over its work.',
        },
        purpose: 'To take over the work of a process that died.',
        ...NOBODY,
        kept: '30 days after its end.',
      },
    },
  },
};
