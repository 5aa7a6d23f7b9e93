/**
 * What a tickerplant refuses. Each transport maps every one of them to its own wire.
 * `UNKNOWN_TABLE`, `UNKNOWN_SYMBOL`, `UNKNOWN_SUBSCRIPTION`, `UNKNOWN_OPERATION` named in the message · `BAD_REQUEST` can't be meant ·
 * `BAD_TOKEN` malformed, forged, foreign or revoked · `TOKEN_EXPIRED` a caveat or every grant has run out ·
 * `NOT_SETTLED` the token's quote is not paid (yet) · `FORBIDDEN` not this connection's · `KEY_REUSED` the idempotency key
 * belongs to another request · `TOO_MANY` a limit on symbols, subscriptions or open quotes · `RATE_LIMITED` slow down ·
 * `TOO_LARGE` a message over the limit · `NODE_UNAVAILABLE` the seller's node is away: temporary · `JOURNAL_UNAVAILABLE`
 * rows can't be recorded, so none are published · `STOPPING` the server is going down · `SLOW_CONSUMER` you read too slowly ·
 * `INTERNAL` our fault.
 */
export type TickerplantErrorCode =
  | 'UNKNOWN_TABLE'
  | 'UNKNOWN_SYMBOL'
  | 'UNKNOWN_SUBSCRIPTION'
  | 'UNKNOWN_OPERATION'
  | 'BAD_REQUEST'
  | 'BAD_TOKEN'
  | 'TOKEN_EXPIRED'
  | 'NOT_SETTLED'
  | 'FORBIDDEN'
  | 'KEY_REUSED'
  | 'TOO_MANY'
  | 'RATE_LIMITED'
  | 'TOO_LARGE'
  | 'NODE_UNAVAILABLE'
  | 'JOURNAL_UNAVAILABLE'
  | 'STOPPING'
  | 'SLOW_CONSUMER'
  | 'INTERNAL';

/** Whether asking again can help: `never`, `safe` any time, or `later` after a pause. */
export type RetryAdvice = 'never' | 'safe' | 'later';

const RETRY: Readonly<Record<TickerplantErrorCode, RetryAdvice>> = {
  UNKNOWN_TABLE: 'never',
  UNKNOWN_SYMBOL: 'never',
  UNKNOWN_SUBSCRIPTION: 'never',
  UNKNOWN_OPERATION: 'never',
  BAD_REQUEST: 'never',
  BAD_TOKEN: 'never',
  TOKEN_EXPIRED: 'never',
  NOT_SETTLED: 'later',
  FORBIDDEN: 'never',
  KEY_REUSED: 'never',
  TOO_MANY: 'never',
  RATE_LIMITED: 'later',
  TOO_LARGE: 'never',
  NODE_UNAVAILABLE: 'later',
  JOURNAL_UNAVAILABLE: 'later',
  STOPPING: 'later',
  SLOW_CONSUMER: 'safe',
  INTERNAL: 'later',
};

/** A refusal; its message is for the buyer and holds no secret. */
export class TickerplantError extends Error {
  override readonly name = 'TickerplantError';
  readonly code: TickerplantErrorCode;
  readonly retry: RetryAdvice;

  /** `retry`: where it is not what the code usually means. */
  constructor(code: TickerplantErrorCode, message: string, options?: { readonly cause?: unknown; readonly retry?: RetryAdvice }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retry = options?.retry ?? RETRY[code];
  }
}

/** What the bearer of a revoked token is told. */
export function revokedError(subscription: string): TickerplantError {
  return new TickerplantError('BAD_TOKEN', `subscription ${subscription} was revoked by the seller; its token is not good any more`);
}
