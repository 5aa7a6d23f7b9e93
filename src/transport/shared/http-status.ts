import type { TickerplantErrorCode } from '../../core/tickerplant/errors.ts';

/** Every refusal of the core's as an HTTP status (RFC 9110, 15; RFC 6585); the compiler sees to it that none is left out. */
export const HTTP_STATUS: Readonly<Record<TickerplantErrorCode, number>> = {
  UNKNOWN_TABLE: 404,
  UNKNOWN_SYMBOL: 404,
  UNKNOWN_SUBSCRIPTION: 404,
  UNKNOWN_OPERATION: 404,
  BAD_REQUEST: 400,
  BAD_TOKEN: 401,
  TOKEN_EXPIRED: 401,
  NOT_SETTLED: 402,
  FORBIDDEN: 403,
  KEY_REUSED: 409,
  TOO_MANY: 422,
  RATE_LIMITED: 429,
  TOO_LARGE: 413,
  NODE_UNAVAILABLE: 503,
  JOURNAL_UNAVAILABLE: 503,
  STOPPING: 503,
  SLOW_CONSUMER: 503,
  INTERNAL: 500,
};
