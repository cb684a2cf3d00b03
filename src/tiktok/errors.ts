// The error of the TikTok client. Its message holds no token, no URL with a query and no caption.

/**
 * `refused`: TikTok said no, with a definite code. `no_answer`: the network failed, or a time-out,
 * a 5xx or HTML came back; TikTok may have processed the request all the same. `unreadable`: a
 * success of a shape that we do not know. `aborted`: we stopped the request.
 */
export type TikTokErrorKind = 'refused' | 'no_answer' | 'unreadable' | 'aborted';

export class TikTokError extends Error {
  override name = 'TikTokError';
  readonly kind: TikTokErrorKind;
  /** TikTok's `error.code`, a fail_reason, an OAuth error, or our own name for what happened. */
  readonly code: string;
  readonly httpStatus: number | null;
  /** What TikTok's support asks for. */
  readonly logId: string | null;
  readonly tiktokMessage: string;

  constructor(of: {
    kind: TikTokErrorKind;
    code: string;
    httpStatus?: number | null;
    logId?: string | null;
    tiktokMessage?: string;
    cause?: unknown;
  }) {
    const status = of.httpStatus ? `, HTTP ${of.httpStatus}` : '';
    super(`TikTok: ${of.kind}, ${of.code}${status}`, { cause: of.cause });
    this.kind = of.kind;
    // The documentation prints `invalid_param`, the API answers `invalid_params`.
    this.code = of.code === 'invalid_param' ? 'invalid_params' : of.code;
    this.httpStatus = of.httpStatus ?? null;
    this.logId = of.logId ?? null;
    this.tiktokMessage = (of.tiktokMessage ?? '').slice(0, 300);
  }
}
