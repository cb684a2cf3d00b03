// The table of error codes, and Problem: a refusal with such a code and a sentence for people.

/** Code → HTTP status and title. Codes are part of the API: they are never renamed or reused. */
export const ERROR_CODES = {
  unauthorized: [401, 'No valid API key'],
  key_expired: [401, 'The API key has expired'],
  plan_expired: [403, 'The plan has ended'],
  forbidden: [403, 'Not allowed'],
  not_found: [404, 'Not found'],
  invalid_request: [400, 'The request is not valid'],
  posting_defaults_missing: [400, 'No posting defaults are saved'],
  rate_limited: [429, 'Too many requests'],
  source_not_allowed_for_plan: [400, 'The plan has no Verified URLs'],
  domain_not_verified: [403, 'The domain is not verified'],
  url_not_allowed: [422, 'The URL is not allowed'],
  redirect_not_allowed: [422, 'The source answered with a redirect'],
  fetch_failed: [502, 'The source could not be fetched'],
  too_large: [413, 'Too large'],
  media_rejected: [422, 'The media cannot be posted'],
  daily_limit: [429, 'The daily limit is reached'],
  too_soon: [429, 'Too soon after another post'],
  duplicate_media: [409, 'The same media was posted within 24 hours'],
  account_must_be_private: [403, 'The TikTok account must be private'],
  sign_up_closed: [403, 'Connecting needs an invitation'],
  idempotency_conflict: [422, 'The idempotency key was used with another request'],
  state_conflict: [409, 'Not possible in this state'],
  creator_disconnected: [403, 'The TikTok connection is gone'],
  tiktok_refused: [502, 'TikTok refused'],
  unsupported_media_type: [415, 'Unsupported content type'],
  method_not_allowed: [405, 'Method not allowed'],
  idempotency_in_progress: [409, 'The first request with this key is still running'],
  storage_full: [507, 'The storage is full'],
  unavailable: [503, 'Not available right now'],
  internal_error: [500, 'Internal error'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** What TikTok returned with a refusal, so that its support can be asked about it. */
export interface TikTokWords {
  code: string;
  message: string;
  log_id: string | null;
}

/** What a Problem adds to the answer (RFC 9457 extension members), and how it is sent. */
export interface ProblemExtras {
  errors?: { pointer: string; message: string }[];
  retry_at?: Date;
  tiktok?: TikTokWords;
  job_id?: string;
  /**
   * The name of the media rule that was broken, such as `duration`; for programs, not for pages.
   */
  rule?: string;
  headers?: Record<string, string>;
  /** Replaces the status of the table, if another protocol prescribes a different one. */
  status?: number;
  cause?: unknown;
}

/**
 * A final refusal that can be explained. In a request it becomes problem+json; in a step it fails
 * the job with this code. Every other error is our fault: a step is retried, a request gets 500.
 */
export class Problem extends Error {
  override name = 'Problem';
  readonly code: ErrorCode;
  readonly status: number;
  readonly title: string;
  readonly extras: ProblemExtras;

  constructor(code: ErrorCode, detail: string, extras: ProblemExtras = {}) {
    super(detail, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.code = code;
    this.status = extras.status ?? ERROR_CODES[code][0];
    this.title = ERROR_CODES[code][1];
    this.extras = extras;
  }
}

/**
 * Returns the sentence as the API gives it: with the broken rule's name behind it, if there is one.
 */
export function withRule({
  message,
  rule,
}: {
  message: string;
  rule?: string | undefined;
}): string {
  return rule === undefined ? message : `${message} (rule: ${rule})`;
}

/** Returns an `invalid_request` that names the one faulty field by a JSON pointer (RFC 6901). */
export function invalid(pointer: string, message: string): Problem {
  return new Problem('invalid_request', message, { errors: [{ pointer, message }] });
}
