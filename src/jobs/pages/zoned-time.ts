// Converts a wall-clock time in a person's time zone to an instant, also where clocks are changed.
import { DAY_MS } from '../../base/time.ts';

/** What a change of the clocks does to a wall time: it never comes, or it comes twice. */
export type ClockChange = 'skipped' | 'doubled';

export interface ZonedTime {
  at: Date;
  change: ClockChange | null;
  /** What the zone's clocks show at `at`, e.g. `2026-11-24T18:00`. */
  wall: string;
}

/**
 * Takes e.g. `2026-11-24T18:00` and `Europe/Berlin`. Returns null when either is invalid. A time
 * that a change of the clocks skips moves forward by as much as the clocks do; of a time that comes
 * twice the first is meant.
 */
export function readZonedTime(local: string, timeZone: string): ZonedTime | null {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d)(?::\d\d)?$/.exec(local);
  const wall = Date.parse(`${match?.[1]}:00Z`);
  // JavaScript would read 31 February as 3 March.
  if (Number.isNaN(wall) || toText(wall) !== match?.[1]) return null;
  try {
    return choose(wall, timeZone);
  } catch {
    return null;
  }
}

/** Tries the zone's offsets of the day before and of the day after; they differ around a change. */
function choose(wall: number, timeZone: string): ZonedTime {
  const candidates = [wall - DAY_MS, wall + DAY_MS].map((at) => wall - offsetAt(at, timeZone));
  const real = candidates.filter((at) => at + offsetAt(at, timeZone) === wall);
  const isSkipped = real.length === 0;
  const at = isSkipped ? Math.max(...candidates) : Math.min(...real);
  const isDoubled = new Set(real).size > 1;
  return {
    at: new Date(at),
    change: isSkipped ? 'skipped' : isDoubled ? 'doubled' : null,
    wall: toText(at + offsetAt(at, timeZone)),
  };
}

/** Returns by how many ms the zone's clock is ahead of UTC at that instant. */
function offsetAt(instant: number, timeZone: string): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(instant);
  const of = (type: string) => Number(parts.find((part) => part.type === type)?.value);
  const wall = Date.UTC(
    of('year'),
    of('month') - 1,
    of('day'),
    of('hour'),
    of('minute'),
    of('second'),
  );
  return wall - Math.floor(instant / 1000) * 1000;
}

function toText(wall: number): string {
  return new Date(wall).toISOString().slice(0, 16);
}
