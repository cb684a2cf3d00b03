// The whole state machine of a job; types, boot check, the table's CHECK, labels and public status derive from it.

/**
 * State → the step that moves a job on from it, the state that step leads to, and the API's `step`.
 * States without a step are ends. `sent` can also end in `failed` or `unconfirmed`.
 */
export const STATES = {
  accepted: { step: 'media.fetch', next: 'fetched', shown: 'fetch' },
  fetched: { step: 'media.prepare', next: 'ready', shown: 'prepare' },
  ready: { step: 'publish.send', next: 'sent', shown: 'wait' },
  sending: { step: 'publish.send', next: 'sent', shown: 'send' },
  sent: { step: 'publish.confirm', next: 'finished', shown: 'confirm' },
  finished: null,
  failed: null,
  cancelled: null,
  unconfirmed: null,
} as const;

export type State = keyof typeof STATES;
export type WorkingState = { [S in State]: (typeof STATES)[S] extends null ? never : S }[State];

export const ALL_STATES = Object.keys(STATES) as State[];
export const WORKING_STATES = ALL_STATES.filter((s): s is WorkingState => STATES[s] !== null);
/** Before the mark: cancellation, edits and deletion win. */
export const CANCELLABLE_STATES = ['accepted', 'fetched', 'ready', 'sending'] as const;

export type StepName = NonNullable<(typeof STATES)[State]>['step'];
export const STEP_NAMES = [...new Set(WORKING_STATES.map((s) => STATES[s].step))];

export const STATUSES = [
  'scheduled',
  'running',
  'finished',
  'failed',
  'cancelled',
  'unconfirmed',
] as const;
export type Status = (typeof STATUSES)[number];

/** The public status: `scheduled` while its time lies ahead and nothing was sent. */
export function toStatus(job: { state: State; send_at: Date }, now = new Date()): Status {
  const { state } = job;
  if (STATES[state] === null) return state as Status;
  if (state === 'sending' || state === 'sent') return 'running';
  return job.send_at > now ? 'scheduled' : 'running';
}

/** The public steps, in order. */
export const SHOWN_STEPS = ['fetch', 'prepare', 'wait', 'send', 'confirm'] as const;

/** The public step, null once the job has ended. */
export function toShownStep(state: State): (typeof SHOWN_STEPS)[number] | null {
  return STATES[state]?.shown ?? null;
}
