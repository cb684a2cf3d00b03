// Measures how long the work of a killed process lies still until another run goes on with it.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Occurrence, Taken } from './happenings.ts';
import type { Member } from './member.ts';
import type { Scene } from './scene.ts';

const LOOK_MS = 50;
const WATCHED_MS = 90_000;
const HELD = `select key, locked_by from graphile_worker._private_jobs
   where key like 'job:%' and locked_by = any($1)`;
const STILL = 'select key, locked_by from graphile_worker._private_jobs where key = any($1)';

/** Looks what the process held when it was killed, and watches it in the background. */
export async function watchKill(scene: Scene, { name, poolIds }: Member): Promise<void> {
  const at = Date.now();
  const rows = await scene.database.tryQuery(HELD, [[...poolIds]]);
  const keys = (rows ?? []).map((row) => String(row['key']));
  scene.killsWithWork += keys.length > 0 ? 1 : 0;
  if (keys.length === 0) return;
  const watched = watch(scene, { name, dead: new Set(poolIds), keys, at });
  scene.background.push(watched);
}

interface Watched {
  name: string;
  dead: Set<string>;
  keys: string[];
  at: number;
}

async function watch(scene: Scene, { name, dead, keys, at }: Watched): Promise<void> {
  const left = new Set(keys);
  while (left.size > 0 && Date.now() - at < WATCHED_MS && !scene.signal.aborted) {
    await sleep(LOOK_MS);
    const rows = await scene.database.tryQuery(STILL, [[...left]]);
    if (!rows) continue;
    const waiting = new Set(rows.filter((row) => isStill(row, dead)).map((row) => row['key']));
    for (const key of [...left].filter((each) => !waiting.has(each))) {
      left.delete(key);
      scene.taken.push({ killed: name, at, ms: Date.now() - at });
    }
  }
  for (const _ of left) scene.taken.push({ killed: name, at, ms: null });
}

/** Nobody has it: still locked by the dead, or free and not taken. */
function isStill(row: Record<string, unknown>, dead: Set<string>): boolean {
  return row['locked_by'] === null || dead.has(String(row['locked_by']));
}

export interface Latency {
  count: number;
  p50: number;
  max: number;
  never: number;
}

/**
 * Sorts what was measured: near a trouble of the database, without a second worker at work, and the
 * rest, to which the promise applies.
 */
export function sortLatencies(
  taken: Taken[],
  occurrences: Occurrence[],
  marginMs: number,
): Record<'clear' | 'near_database' | 'without_second_worker', Latency> {
  const groups = { clear: [], near_database: [], without_second_worker: [] } as Record<
    'clear' | 'near_database' | 'without_second_worker',
    Taken[]
  >;
  for (const each of taken) {
    const end = each.at + (each.ms ?? WATCHED_MS);
    const during = occurrences.filter(({ from, to }) => from < end && to > each.at - marginMs);
    const isNear = during.some(({ kind }) => ['cut', 'swallow', 'crash_database'].includes(kind));
    const lacksSecond = during.some(
      ({ kind, member, to }) =>
        (kind === 'kill' || kind === 'stop') &&
        member !== each.killed &&
        member !== 'web' &&
        to + marginMs > each.at,
    );
    groups[isNear ? 'near_database' : lacksSecond ? 'without_second_worker' : 'clear'].push(each);
  }
  return {
    clear: summarize(groups.clear),
    near_database: summarize(groups.near_database),
    without_second_worker: summarize(groups.without_second_worker),
  };
}

function summarize(taken: Taken[]): Latency {
  const times = taken.flatMap(({ ms }) => (ms === null ? [] : [ms])).sort((a, b) => a - b);
  return {
    count: taken.length,
    p50: times[Math.floor(times.length / 2)] ?? 0,
    max: times.at(-1) ?? 0,
    never: taken.length - times.length,
  };
}
