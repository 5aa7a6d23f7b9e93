import type { RetryAdvice } from '../tickerplant/errors.ts';

/**
 * What a store of single items refuses beside what every seller does (`TickerplantError`).
 * `UNKNOWN_ITEM` nothing of this name is for sale · `UNKNOWN_LINK` no purchase has this link · `NOT_PAID` not paid (yet) ·
 * `EXPIRED` not paid in time · `DELIVERED` as often as was bought · `CHANGED` what was bought is not there as it was ·
 * `REFUNDED` the price was given back · `ITEM_UNAVAILABLE` can't be delivered at the moment.
 */
export type StoreErrorCode =
  | 'UNKNOWN_ITEM'
  | 'UNKNOWN_LINK'
  | 'NOT_PAID'
  | 'EXPIRED'
  | 'DELIVERED'
  | 'CHANGED'
  | 'REFUNDED'
  | 'ITEM_UNAVAILABLE';

const RETRY: Readonly<Record<StoreErrorCode, RetryAdvice>> = {
  UNKNOWN_ITEM: 'never',
  UNKNOWN_LINK: 'never',
  NOT_PAID: 'later',
  EXPIRED: 'never',
  DELIVERED: 'never',
  CHANGED: 'never',
  REFUNDED: 'never',
  ITEM_UNAVAILABLE: 'later',
};

/** A refusal; its message is for the buyer and holds no secret. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  readonly retry: RetryAdvice;

  constructor(code: StoreErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retry = RETRY[code];
  }
}
