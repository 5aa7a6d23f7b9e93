import type { Logger } from '../../core/ports/logger.ts';
import { StoreError, type StoreErrorCode } from '../../core/store/errors.ts';
import { type RetryAdvice, TickerplantError, type TickerplantErrorCode } from '../../core/tickerplant/errors.ts';
import { HTTP_STATUS } from '../shared/http-status.ts';

/** Every refusal of the store's as an HTTP status (RFC 9110, 15); the compiler sees to it that none is left out. */
export const STORE_STATUS: Readonly<Record<StoreErrorCode, number>> = {
  UNKNOWN_ITEM: 404,
  UNKNOWN_LINK: 404,
  NOT_PAID: 402,
  EXPIRED: 410,
  DELIVERED: 410,
  CHANGED: 410,
  REFUNDED: 410,
  ITEM_UNAVAILABLE: 503,
};

/** A refusal as it goes to the buyer. */
export interface Refusal {
  readonly status: number;
  readonly code: StoreErrorCode | TickerplantErrorCode | 'METHOD_NOT_ALLOWED' | 'NOT_FOUND';
  readonly message: string;
  readonly retry: RetryAdvice;
  readonly headers: Readonly<Record<string, string>>;
}

const RETRY_AFTER_SECONDS = '5';

/** Whatever was thrown, as a refusal that can be shown: what was not meant for buyers is logged, and kept from them. */
export function refusalOf(thrown: unknown, logger: Logger): Refusal {
  if (thrown instanceof StoreError) {
    const { code, message, retry } = thrown;
    if (thrown.code === 'ITEM_UNAVAILABLE')
      logger.error({ err: thrown.cause ?? thrown }, 'what was bought can not be delivered at the moment');
    return withHeaders(STORE_STATUS[code], { code, message, retry });
  }
  if (thrown instanceof TickerplantError) {
    const { code, message, retry } = thrown;
    return withHeaders(code === 'TOO_MANY' && retry === 'later' ? 429 : HTTP_STATUS[code], { code, message, retry });
  }
  logger.error({ err: thrown }, 'a request failed in a way that was not foreseen');
  return withHeaders(500, { code: 'INTERNAL', message: 'something went wrong here; nothing you did', retry: 'later' });
}

function withHeaders(status: number, refusal: Omit<Refusal, 'status' | 'headers'>): Refusal {
  const headers: Record<string, string> = {};
  if (status === 401) headers['WWW-Authenticate'] = 'L402 error="invalid_token"';
  if (status === 429 || status === 503) headers['Retry-After'] = RETRY_AFTER_SECONDS;
  return { status, ...refusal, headers };
}
