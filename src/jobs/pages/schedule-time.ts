// The time of a planned post in the composer's form, and what its creator is told about it first.
import type { Form } from './composer-settings.ts';
import { readZonedTime, type ZonedTime } from './zoned-time.ts';

/** `told`: fields of the form to show with the fault; sent again, the time is accepted. */
export type ScheduleTime = { at: Date } | { fault: string; told: Form };

/**
 * Reads the time that the form names in its time zone. Where the clocks are changed and the time
 * comes never or twice, the creator is told which one it would be, and says yes by sending the form
 * again.
 */
export function readScheduleTime(form: Form): ScheduleTime {
  const zone = form['time_zone'] ?? 'UTC';
  const time = readZonedTime(form['schedule_at'] ?? '', zone);
  if (!time) return { fault: 'Choose a day and a time.', told: {} };
  const at = time.at.toISOString();
  if (time.change === null || form['time_told'] === at) return { at: time.at };
  const isSkipped = time.change === 'skipped';
  return {
    fault: `${describe(time, form['schedule_at'] ?? '', zone)} Press “Schedule” to plan it so.`,
    told: isSkipped ? { schedule_at: time.wall } : { time_told: at },
  };
}

function describe({ at, change, wall }: ZonedTime, typed: string, zone: string): string {
  const place = zone.replaceAll('_', ' ');
  const clock = typed.slice(11, 16);
  return change === 'skipped'
    ? `Clocks in ${place} go forward that day, and ${clock} does not come. The post would go out at ${wall.slice(11)}.`
    : `Clocks in ${place} go back that day, and ${clock} comes twice. The post would go out the first time, at ${at.toISOString().slice(11, 16)} UTC.`;
}
