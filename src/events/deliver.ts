// events.deliver: tells one subscriber what happened to one subject, event after event, in order.
import { z } from 'zod';
import { addToNow, measureSince } from '../base/database-time.ts';
import { Problem } from '../base/errors.ts';
import { backOff, MINUTE_MS, SECOND_MS } from '../base/time.ts';
import type { Context, Manifest } from '../context/context.ts';
import { listByName, type Named } from '../context/hooks.ts';
import { DeclaredDead } from '../queue/heartbeat.ts';
import { Later } from '../queue/later.ts';
import { isHeld, queueRuns } from '../queue/queue.ts';
import { toRun } from './emit.ts';
import { EVENT_PATTERN, SUBJECT_KINDS, type Subscriber } from './event.ts';
import {
  claim,
  type Delivery,
  giveUp,
  lockNext,
  type Owed,
  putOff,
  removeDelivered,
} from './store.ts';

const TRIES = 300;
const LIMIT_MS = MINUTE_MS;
const LONGEST_WAIT_MS = 5 * MINUTE_MS;

/** Thrown when another run has taken the event over, or its subject was erased. */
export class LostDelivery extends Error {
  override name = 'LostDelivery';
}

/** What one run works with. */
interface Run {
  owed: Owed;
  /** Undefined in a process that lacks the plugin, as during an update. */
  subscriber: Subscriber | undefined;
  runId: string;
  signal: AbortSignal;
}

/** Returns `module.name` → the subscriber. Throws for an event that no module can emit. */
export function listSubscribers(modules: Manifest[]): Map<string, Named<Subscriber>> {
  const all = listByName(modules, ({ events }) => events);
  for (const [name, { value }] of all) {
    const unknown = value.on.find((each) => !EVENT_PATTERN.test(each));
    if (unknown) throw new Error(`Expected events like job.finished in ${name}, found ${unknown}`);
  }
  return all;
}

/** Delivers until nothing is owed, or the next event must wait. */
export async function deliver(
  ctx: Context,
  payload: unknown,
  signal: AbortSignal,
  runId: string,
): Promise<void> {
  const owed = readOwed(payload);
  const subscribers = listByName(ctx.modules, ({ events }) => events);
  const run = { owed, subscriber: subscribers.get(owed.subscriber)?.value, runId, signal };
  for (;;) {
    throwIfDead(signal);
    const next = await takeNext(ctx, run);
    if (!next || !(await tell(ctx, run, next))) return;
  }
}

function readOwed(payload: unknown): Owed {
  const id = z.guid().optional();
  const read = z
    .object({ subscriber: z.string(), job_id: id, creator_id: id, deletion_id: id })
    .parse(payload);
  const kind = SUBJECT_KINDS.find((each) => read[`${each}_id`] !== undefined);
  if (!kind) throw new Error('Expected a run of events to name its subject');
  return { subscriber: read.subscriber, kind, id: read[`${kind}_id`] as string };
}

/** Takes the next event, or queues this run again where it must wait; undefined ends the run. */
async function takeNext(
  ctx: Context,
  { owed, subscriber, runId, signal }: Run,
): Promise<Delivery | undefined> {
  return ctx.db.transaction(async (trx) => {
    const next = await lockNext(trx, owed);
    if (!next) return undefined;
    const comeAgain = async (at: Date, mode?: 'preserve_run_at') => {
      await queueRuns(trx, [toRun(owed, at)], mode);
      return undefined;
    };
    if (signal.aborted) return comeAgain(addToNow(0));
    if (!subscriber) return comeAgain(addToNow(MINUTE_MS));
    if (!next.isDue) return comeAgain(next.dueAt);
    // An event that comes while a run is under way gets a run of its own, which waits for this one.
    const isTaken = next.runId !== null && next.runId !== runId && (await isHeld(trx, next.runId));
    if (isTaken) return comeAgain(addToNow(SECOND_MS), 'preserve_run_at');
    await claim(trx, next.event.id, runId);
    return next;
  });
}

/** Returns whether the run may go on with the next event. */
async function tell(ctx: Context, run: Run, next: Delivery): Promise<boolean> {
  const { signal, runId } = run;
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]);
    await run.subscriber?.run(ctx, next.event, limited);
  } catch (error) {
    return takeFault(ctx, run, next, error);
  }
  if (!(await removeDelivered(ctx.db, next.event.id, runId))) throw new LostDelivery();
  return true;
}

async function takeFault(
  ctx: Context,
  run: Run,
  { event, tries }: Delivery,
  error: unknown,
): Promise<boolean> {
  throwIfDead(run.signal);
  if (error instanceof Later) {
    return waitFor(ctx, run, event.id, { ms: -measureSince(error.at), tries, fault: null });
  }
  if (run.signal.aborted) return waitFor(ctx, run, event.id, { ms: 0, tries, fault: null });
  const failed = tries + 1;
  // Neither table nor log may hold the words of an error, which may be a person's.
  const fault = nameFault(error);
  const line = { subscriber: run.owed.subscriber, name: event.name, id: event.id, tries: failed };
  if (failed < (run.subscriber?.tries ?? TRIES)) {
    ctx.log.warn({ event: 'event.fault', ...line, fault });
    return waitFor(ctx, run, event.id, {
      ms: backOff(SECOND_MS, LONGEST_WAIT_MS, tries),
      tries: failed,
      fault,
    });
  }
  ctx.log.error({ event: 'event.given_up', ...line, fault });
  await giveUp(ctx.db, { id: event.id, runId: run.runId }, { tries: failed, fault });
  return true;
}

/** Puts the event off and queues its run for then, both or neither. */
async function waitFor(
  ctx: Context,
  { owed, runId }: Run,
  id: number,
  wait: { ms: number; tries: number; fault: string | null },
): Promise<false> {
  await ctx.db.transaction(async (trx) => {
    const dueAt = await putOff(trx, { id, runId }, wait);
    if (!dueAt) throw new LostDelivery();
    await queueRuns(trx, [toRun(owed, dueAt)]);
  });
  return false;
}

/** A run that returned would be deleted by its id, although another worker may hold it by now. */
function throwIfDead({ reason }: AbortSignal): void {
  if (reason instanceof DeclaredDead) throw reason;
}

function nameFault(error: unknown): string {
  if (error instanceof Problem) return error.code;
  return error instanceof Error ? error.name : 'fault';
}
