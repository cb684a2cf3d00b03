// The SQL of events: who subscribes, and what each subscriber is still owed.
import type { Knex } from 'knex';
import type { DomainEvent, SubjectKind } from './event.ts';

/** One subject of which one subscriber is owed events: what one run delivers. */
export interface Owed {
  subscriber: string;
  kind: SubjectKind;
  /** Of the job, the creator or the deletion. */
  id: string;
}

/** An event that one subscriber is owed. */
export interface Delivery {
  event: DomainEvent;
  /** The run that took it last. */
  runId: string | null;
  tries: number;
  dueAt: Date;
  isDue: boolean;
}

/** Adds the subscribers, or changes what they want; each is seen now. */
export async function saveSubscribers(
  db: Knex,
  subscribers: { name: string; events: string[] }[],
): Promise<void> {
  if (subscribers.length === 0) return;
  await db('event_subscribers')
    .insert(subscribers.map((each) => ({ ...each, seen_at: db.fn.now() })))
    .onConflict('name')
    .merge(['events', 'seen_at']);
}

/** Removes subscribers that no process has had for a day; returns what each was still owed. */
export async function removeGoneSubscribers(
  trx: Knex,
): Promise<{ subscriber: string; undelivered: number }[]> {
  const { rows } = await trx.raw(
    `with gone as (
       delete from event_subscribers where seen_at < now() - interval '1 day' returning name),
     dropped as (
       delete from event_deliveries where subscriber in (select name from gone)
       returning subscriber)
     select gone.name as subscriber, count(dropped.subscriber)::int as undelivered
       from gone left join dropped on dropped.subscriber = gone.name group by 1`,
  );
  return rows;
}

/**
 * Writes down for each subscriber what has happened. `happened` is a statement that returns
 * `subject_id`, `name`, `details` and `at`, e.g. the insert of the line in a timeline: without a
 * subscriber nothing is done but that. Returns whom a run must now tell of which subjects.
 */
export async function insertDeliveries(
  trx: Knex,
  kind: SubjectKind,
  happened: Knex.Raw,
): Promise<Owed[]> {
  const { rows } = await trx.raw(
    `with event as (?),
     owed as (
       insert into event_deliveries (subscriber, ${kind}_id, name, details, at)
       select subscribers.name, event.subject_id, '${kind}.' || event.name, event.details, event.at
         from event
         join event_subscribers subscribers
           on subscribers.events && array['${kind}.*', '${kind}.' || event.name]
       returning subscriber, ${kind}_id as id)
     select subscriber, id from owed`,
    [happened],
  );
  return rows.map((row: Pick<Owed, 'subscriber' | 'id'>) => ({ ...row, kind }));
}

/** The next event of the subject, locked until the transaction ends; undefined when there is none. */
export async function lockNext(trx: Knex, owed: Owed): Promise<Delivery | undefined> {
  const row = await trx('event_deliveries')
    .where({ subscriber: owed.subscriber, [`${owed.kind}_id`]: owed.id, given_up_at: null })
    .orderBy('id')
    .forUpdate()
    .first('*', trx.raw('due_at <= clock_timestamp() as is_due'));
  if (!row) return undefined;
  const { id, name, details, at, run_id, tries, due_at, is_due } = row;
  const event = { id, name, details, at, subject: { kind: owed.kind, id: owed.id } };
  return {
    event,
    runId: run_id === null ? null : String(run_id),
    tries,
    dueAt: due_at,
    isDue: is_due,
  };
}

/** From here on this run delivers it. */
export async function claim(trx: Knex, id: number, runId: string): Promise<void> {
  await trx('event_deliveries').where({ id }).update({ run_id: runId });
}

/** It was delivered. False when another run has taken it over, or its subject is gone. */
export async function removeDelivered(db: Knex, id: number, runId: string): Promise<boolean> {
  const removed = await db('event_deliveries').where({ id, run_id: runId }).delete();
  return removed === 1;
}

/** Puts the event off. Undefined when another run has taken it over, or its subject is gone. */
export async function putOff(
  trx: Knex,
  { id, runId }: { id: number; runId: string },
  wait: { ms: number; tries: number; fault: string | null },
): Promise<Date | undefined> {
  const dueAt = trx.raw(
    "date_trunc('milliseconds', clock_timestamp() + ? * interval '1 millisecond')",
    [wait.ms],
  );
  const [row] = await trx('event_deliveries')
    .where({ id, run_id: runId })
    .update({ due_at: dueAt, tries: wait.tries, fault: wait.fault })
    .returning('due_at');
  return row?.due_at;
}

/** It is kept with the reason, and the subject's next events go on. */
export async function giveUp(
  db: Knex,
  { id, runId }: { id: number; runId: string },
  outcome: { tries: number; fault: string },
): Promise<void> {
  await db('event_deliveries')
    .where({ id, run_id: runId })
    .update({ ...outcome, given_up_at: db.fn.now() });
}

/** Subjects with events that are due. */
export async function listOwed(db: Knex, limit: number): Promise<Owed[]> {
  const { rows } = await db.raw(
    `select distinct subscriber, coalesce(job_id, creator_id, deletion_id) as id,
            case when job_id is not null then 'job'
                 when creator_id is not null then 'creator' else 'deletion' end as kind
       from event_deliveries where given_up_at is null and due_at < now() limit ?`,
    [limit],
  );
  return rows;
}

/** How many events each subscriber is owed: those to come, and those given up. */
export async function countUndelivered(
  db: Knex,
): Promise<{ subscriber: string; waiting: number; given_up: number }[]> {
  const { rows } = await db.raw(
    `select subscribers.name as subscriber,
            count(owed.id) filter (where owed.given_up_at is null)::int as waiting,
            count(owed.id) filter (where owed.given_up_at is not null)::int as given_up
       from event_subscribers subscribers
       left join event_deliveries owed on owed.subscriber = subscribers.name group by 1`,
  );
  return rows;
}

/** Drops these particulars from what subscribers are still owed about these jobs. */
export async function dropDetails(trx: Knex, jobIds: string[], names: string[]): Promise<void> {
  await trx.raw(
    'update event_deliveries set details = details - ?::text[] where job_id = any(?::uuid[])',
    [names, jobIds],
  );
}
