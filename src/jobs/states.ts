// The state machine of a job, from which types, checks, labels and the public status derive.
import { databaseNow } from '../base/database-time.ts';
import type { PoolName } from '../queue/pool-names.ts';

/** How a step is run. */
interface Running {
  /** The worker pool that runs it. */
  pool: PoolName;
  /** How many runs it gets; null: it is tried until it has waited too long. */
  attempts: number | null;
  /** The error code of a job whose step was given up. */
  givesUpWith: 'internal_error' | 'unavailable';
  /** Whether it starts only at the job's planned time. */
  waitsForTime: boolean;
  /** Whether a creator's jobs go through it one after another. */
  isSerial: boolean;
}

// graphile-worker waits e^n seconds between attempts: eight make about an hour.
const BY_ATTEMPTS = { attempts: 8, givesUpWith: 'internal_error' } as const;
const BY_PATIENCE = { attempts: null, givesUpWith: 'unavailable' } as const;
const FETCH = { ...BY_ATTEMPTS, pool: 'fetches', waitsForTime: false, isSerial: false } as const;
const PREPARE = {
  ...BY_ATTEMPTS,
  pool: 'conversions',
  waitsForTime: false,
  isSerial: false,
} as const;
const SEND = { ...BY_PATIENCE, pool: 'sends', waitsForTime: true, isSerial: true } as const;
const CONFIRM = {
  ...BY_PATIENCE,
  pool: 'confirmations',
  waitsForTime: false,
  isSerial: false,
} as const;

interface StateEntry extends Running {
  /** `module.step` */
  step: string;
  /** The state that the step leads to. */
  next: string;
  /** The API's `step`. */
  shown: 'fetch' | 'prepare' | 'wait' | 'send' | 'confirm';
  /** Before the mark: cancellation, edits and deletion win. */
  isCancellable: boolean;
}

/**
 * State → the step that moves a job on from it, and how that step is run. A job in a state without a
 * step has ended. `sent` can also lead to `failed` or `unconfirmed`.
 */
export const STATES = {
  accepted: { step: 'media.fetch', next: 'fetched', shown: 'fetch', isCancellable: true, ...FETCH },
  fetched: {
    step: 'media.prepare',
    next: 'ready',
    shown: 'prepare',
    isCancellable: true,
    ...PREPARE,
  },
  ready: { step: 'publish.send', next: 'sent', shown: 'wait', isCancellable: true, ...SEND },
  sending: { step: 'publish.send', next: 'sent', shown: 'send', isCancellable: true, ...SEND },
  sent: {
    step: 'publish.confirm',
    next: 'finished',
    shown: 'confirm',
    isCancellable: false,
    ...CONFIRM,
  },
  finished: null,
  failed: null,
  cancelled: null,
  unconfirmed: null,
} as const satisfies Record<string, StateEntry | null>;

export type State = keyof typeof STATES;
export type WorkingState = { [S in State]: (typeof STATES)[S] extends null ? never : S }[State];

export const ALL_STATES = Object.keys(STATES) as State[];
export const WORKING_STATES = ALL_STATES.filter((s): s is WorkingState => STATES[s] !== null);
export const CANCELLABLE_STATES = WORKING_STATES.filter((state) => STATES[state].isCancellable);

export type StepName = NonNullable<(typeof STATES)[State]>['step'];
export const STEP_NAMES = [...new Set(WORKING_STATES.map((s) => STATES[s].step))];

/** Returns how a step is run; undefined for a step that no state names. */
export function findRunning(step: string): Running | undefined {
  const state = WORKING_STATES.find((each) => STATES[each].step === step);
  return state && STATES[state];
}

export const STATUSES = [
  'scheduled',
  'running',
  'finished',
  'failed',
  'cancelled',
  'unconfirmed',
] as const;
export type Status = (typeof STATUSES)[number];

/** Returns the public status: `scheduled` while it waits and nothing was sent. */
export function toStatus(
  job: { state: State; send_at: Date; waiting_code: string | null },
  now = databaseNow(),
): Status {
  const { state } = job;
  if (STATES[state] === null) return state as Status;
  if (state === 'sending' || state === 'sent') return 'running';
  return job.send_at > now || job.waiting_code !== null ? 'scheduled' : 'running';
}

/** The public steps, in order. */
export const SHOWN_STEPS = ['fetch', 'prepare', 'wait', 'send', 'confirm'] as const;

/** Returns the public step; null once the job has ended. */
export function toShownStep(state: State): (typeof SHOWN_STEPS)[number] | null {
  return STATES[state]?.shown ?? null;
}
