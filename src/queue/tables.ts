// What the database tool, the queue and the heartbeat keep: declared like everything else.
import type { PersonalData, TableDeclaration } from '../base/declaration.ts';
import { removeCreatorQueue } from './queue.ts';

const NOBODY = {
  legalBasis: 'No personal data',
  recipients: 'None',
};

export const databaseTables: PersonalData = {
  tables: {
    knex_migrations: {
      called: 'Schema changes',
      about: 'nobody',
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
      called: 'Lock of schema changes',
      about: 'nobody',
      owner: { keep: 'One flag; nothing about anybody.' },
      columns: { index: 'Number.', is_locked: 'Whether a change is under way.' },
      purpose: 'To make schema changes one at a time.',
      ...NOBODY,
      kept: 'As long as the database.',
    },
    schema_migrations: {
      called: 'Later schema changes',
      about: 'nobody',
      owner: { keep: 'Names of schema changes; nothing about anybody.' },
      columns: { name: 'Which schema change.', applied_at: 'When.' },
      purpose: 'To know which schema changes were made.',
      ...NOBODY,
      kept: 'As long as the database.',
    },
  },
};

export const queueTables: PersonalData = {
  // The name of a queue is the one place where a creator's id stands outside a column of ours.
  erase: removeCreatorQueue,
  tables: {
    ...workerTables(),
    worker_pools: {
      called: 'Worker processes',
      about: 'nobody',
      owner: { keep: 'Random ids of worker processes; nothing about anybody.' },
      columns: {
        pool_id: 'Random id of a worker pool.',
        lane: 'Which kind of work it does.',
        started_at: 'When it started.',
        beat_at: 'When it was last alive.',
        looked_at: 'When it last looked for work, or had all hands full.',
        declared_dead: 'Whether others have taken over its work.',
      },
      purpose: 'To take over the work of a process that died.',
      ...NOBODY,
      kept: '30 days after its end.',
    },
    scratch_folders: {
      called: 'Folders for working files',
      about: 'nobody',
      owner: { keep: 'Random names of folders; nothing about anybody.' },
      columns: {
        id: 'The folder’s random name.',
        disk: 'Which disk it is on.',
        started_at: 'When its process started.',
        beat_at: 'When its process was last alive.',
        dead_at: 'When its process was taken for dead, and the folder named for removal.',
      },
      purpose: 'To remove the working files of a process that died.',
      ...NOBODY,
      kept: 'Until the folder is removed, at most 30 days.',
    },
  },
};

/** The tables of graphile-worker, which owns their shape: columns are named, not explained one by one. */
function workerTables(): Record<string, TableDeclaration> {
  const table = (
    called: string,
    owner: TableDeclaration['owner'],
    columns: string,
  ): TableDeclaration => ({
    called,
    about: 'keep' in owner ? 'nobody' : 'working',
    owner,
    columns: Object.fromEntries(columns.split(' ').map((name) => [name, 'Kept by the queue.'])),
    purpose: 'To do work in its time, and again after a failure.',
    legalBasis:
      'keep' in owner ? NOBODY.legalBasis : 'Performance of the contract (Art. 6(1)(b) GDPR)',
    recipients: 'None',
    kept: 'Until the work is done.',
  });
  return {
    'graphile_worker._private_jobs': table(
      'Work in the queue',
      { payload: { job_id: 'jobs', creator_id: 'creators' } },
      'id job_queue_id task_id payload priority run_at attempts max_attempts last_error created_at updated_at key locked_at locked_by revision flags is_available',
    ),
    'graphile_worker._private_job_queues': table(
      'Names of queues',
      { keep: 'Names of queues; one that names a creator is removed with the creator.' },
      'id queue_name locked_at locked_by is_available',
    ),
    'graphile_worker._private_known_crontabs': table(
      'Regular work',
      { keep: 'Names of regular work; nothing about anybody.' },
      'identifier known_since last_execution',
    ),
    'graphile_worker._private_tasks': table(
      'Kinds of work',
      { keep: 'Names of kinds of work; nothing about anybody.' },
      'id identifier',
    ),
    'graphile_worker.migrations': table(
      'Schema changes of the queue',
      { keep: 'Numbers of the queue’s own schema changes.' },
      'id ts breaking',
    ),
  };
}
