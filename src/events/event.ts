// An event, and what a module hands in to be told of it.
import type { Context } from '../context/context.ts';

/** What an event is about. One subject's events reach a subscriber in order. */
export const SUBJECT_KINDS = ['job', 'creator', 'deletion'] as const;
export type SubjectKind = (typeof SUBJECT_KINDS)[number];

/** What a subscriber may ask for: one event, or every event of a kind. */
export const EVENT_PATTERN = new RegExp(`^(?:${SUBJECT_KINDS.join('|')})\\.(?:\\*|[a-z_]+)$`);

/** Something that happened, as a subscriber gets it. */
export interface DomainEvent {
  /** The same number when the event is delivered once more. */
  id: number;
  /** Kind and name, e.g. `job.finished`. */
  name: string;
  /** As in the job's timeline. Empty where nothing more is to be said. */
  details: Record<string, unknown>;
  at: Date;
  /** Whose id it is says `kind`: a job's, a creator's, or a deletion's, which names nobody. */
  subject: { kind: SubjectKind; id: string };
}

/** A module that is told of events. */
export interface Subscriber {
  /** `job.finished`, or `job.*` for every event of a kind. */
  on: `${SubjectKind}.${string}`[];
  /**
   * Returns when the event was dealt with. A throw means "again later": after 1 s, then after twice
   * as long each time, at most 5 min; `Later` says when, and counts as no try. The signal aborts
   * after a minute, or when the process stops. What is begun twice must be harmless: a process that
   * is killed before it could write down that this returned delivers the same event once more.
   */
  run(ctx: Context, event: DomainEvent, signal: AbortSignal): Promise<void>;
  /** After so many failed tries the event is given up, loudly; without a number after 300, about a day. */
  tries?: number;
}

declare module '../context/context.ts' {
  interface Manifest {
    /**
     * Name → subscriber. What happened to jobs, creators and deletions is written down for it in the
     * transaction that made it true, and delivered by a queued run: at least once, and in order for
     * each job, creator or deletion. A module that subscribes to nothing costs nothing.
     *
     * - `job.*`: every line of a job's timeline, e.g. `job.accepted`, `job.prepared`, `job.sent`,
     *   `job.finished`, `job.failed`, `job.cancelled`, `job.unconfirmed`, `job.resolved`,
     *   `job.settled`.
     * - `creator.*`: `connected`, `reconnected`, `disconnected`, `authorization_removed`, `leaving`.
     *   What a subscriber has not been told of a creator is erased with the creator.
     * - `deletion.*`: `requested`, `erased`, `done`. They outlive the creator and name nobody.
     */
    events?: Record<string, Subscriber>;
  }
}
