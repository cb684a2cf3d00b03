// Writes down what each subscriber is owed, and queues the run that delivers it.
import type { Knex } from 'knex';
import { json } from '../base/database.ts';
import { findQueuedKeys, type QueuedRun, queueRuns } from '../queue/queue.ts';
import type { SubjectKind } from './event.ts';
import { insertDeliveries, listOwed, type Owed } from './store.ts';

export const DELIVER = 'events.deliver';
const LISTED_AT_ONCE = 1_000;

/**
 * `happened` is a statement that returns `subject_id`, `name`, `details` and `at` of each event. The
 * caller holds the subject's row locked: so the events of one subject are written in their order.
 */
export async function emitAll(trx: Knex, kind: SubjectKind, happened: Knex.Raw): Promise<void> {
  const owed = await insertDeliveries(trx, kind, happened);
  // A run that waits for its next try keeps its time.
  if (owed.length > 0)
    await queueRuns(
      trx,
      owed.map((each) => toRun(each)),
      'preserve_run_at',
    );
}

/** An event that no table but the subscribers' keeps. The caller holds the subject's row locked. */
export async function emit(
  trx: Knex,
  { kind, id }: { kind: SubjectKind; id: string },
  name: string,
  details: Record<string, unknown> = {},
): Promise<void> {
  await emitAll(
    trx,
    kind,
    trx.raw(
      'select ?::uuid as subject_id, ?::text as name, ?::jsonb as details, clock_timestamp() as at',
      [id, name, json(details)],
    ),
  );
}

/** The one run that delivers a subject's events to a subscriber. */
export function toRun(owed: Owed, runAt?: Date): QueuedRun {
  const { subscriber, kind, id } = owed;
  return {
    name: DELIVER,
    key: `event:${subscriber}:${id}`,
    payload: { subscriber, [`${kind}_id`]: id },
    ...(runAt ? { runAt } : {}),
  };
}

/** Gives a run to each subject that is owed events and has none, as after a restored backup. */
export async function queueMissingRuns(db: Knex): Promise<number> {
  const runs = (await listOwed(db, LISTED_AT_ONCE)).map((owed) => toRun(owed));
  const queued = await findQueuedKeys(
    db,
    runs.map(({ key }) => key),
  );
  const missing = runs.filter(({ key }) => !queued.has(key));
  if (missing.length > 0) await queueRuns(db, missing, 'preserve_run_at');
  return missing.length;
}
