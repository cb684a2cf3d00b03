// Plans the troubles of a storm by chance: which, to whom, for how long, and after which pause.
import type { Timing } from '../../src/base/timing.ts';
import type { Chance } from './chance.ts';
import type { StormOptions } from './options.ts';

export type TroubleKind =
  /** SIGKILL, and a new start. */
  | 'kill'
  /** SIGSTOP for longer than the others take to declare it dead. */
  | 'stop'
  /** Connections to the database are reset, for a while. */
  | 'cut'
  /** The present connections carry nothing more. */
  | 'swallow'
  /** The database ends at once, and comes back. */
  | 'crash_database'
  | 'full_disk'
  | 'bucket_away';

export interface Trouble {
  kind: TroubleKind;
  /** Which process; null for all lines to the database. */
  member: number | null;
  pauseMs: number;
  lastsMs: number;
  /** Whether the next trouble begins before this one is over. */
  overlaps: boolean;
  keepsFarEnds: boolean;
}

/** In a hundred kills so many of the others; each occurs at least once where there are kills. */
const PER_HUNDRED: Record<Exclude<TroubleKind, 'kill'>, number> = {
  stop: 14,
  cut: 12,
  swallow: 8,
  crash_database: 4,
  full_disk: 3,
  bucket_away: 3,
};
// The web process once for two kills of each worker.
const MEMBERS = [0, 1, 1, 2, 2];

/** `canFill`: whether there is a disk that may be filled. */
export function planTroubles(
  options: StormOptions,
  chance: Chance,
  { timing, canFill }: { timing: Timing; canFill: boolean },
): Trouble[] {
  const { kills, storage } = options;
  if (kills === 0) return [];
  const kinds: TroubleKind[] = Array.from({ length: kills }, () => 'kill');
  for (const [kind, share] of Object.entries(PER_HUNDRED) as [TroubleKind, number][]) {
    const isLeftOut =
      (kind === 'full_disk' && !canFill) || (kind === 'bucket_away' && storage !== 's3');
    const count = isLeftOut ? 0 : Math.max(1, Math.round((kills * share) / 100));
    kinds.push(...Array.from({ length: count }, () => kind));
  }
  return shuffle(kinds, chance).map((kind) => ({
    kind,
    member: chooseMember(kind, chance),
    pauseMs: timing.silentMs * (0.1 + 1.2 * chance.next() ** 2),
    lastsMs: timing.silentMs * chooseLength(kind, chance),
    overlaps: chance.hits(0.3),
    keepsFarEnds: chance.hits(0.5),
  }));
}

function chooseMember(kind: TroubleKind, chance: Chance): number | null {
  if (kind === 'cut' && chance.hits(0.5)) return null;
  return chance.pick(MEMBERS);
}

/** Returns how long it lasts, in times of the silence that declares a process dead. */
function chooseLength(kind: TroubleKind, chance: Chance): number {
  if (kind === 'kill') return chance.between(0, 1.2);
  if (kind === 'stop') return chance.between(1.6, 2.4);
  return chance.between(0.2, 1.4);
}

function shuffle<T>(list: T[], chance: Chance): T[] {
  const left = [...list];
  return list.map(() => left.splice(chance.below(left.length), 1)[0] as T);
}

/** Returns how long the troubles take at least. */
export function sumDuration(troubles: Trouble[]): number {
  return troubles.reduce(
    (sum, { pauseMs, lastsMs, overlaps }) => sum + pauseMs + (overlaps ? 0 : lastsMs),
    0,
  );
}
