// A step's answer "ask me again at that time": costs no attempt and is no fault.
import { addToNow } from '../base/database-time.ts';

/** Returned by a step, or thrown from deep inside it (e.g. where a quota is full). */
export class Later extends Error {
  override name = 'Later';
  readonly at: Date;
  /** Name of the line on the job's timeline, when the creator should see that it waits. */
  readonly reason: string | undefined;
  /** What TikTok said, for that line. */
  readonly details: Record<string, unknown>;

  constructor(at: Date, reason?: string, details: Record<string, unknown> = {}) {
    super(`Later, at ${at.toISOString()}`);
    this.at = at;
    this.reason = reason;
    this.details = details;
  }

  static in(ms: number, reason?: string, details?: Record<string, unknown>): Later {
    return new Later(addToNow(ms), reason, details);
  }
}
