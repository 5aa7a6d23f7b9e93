/**
 * Why a subscriber stopped.
 * `BUDGET` amount and fee cap are more than what is left; nothing was paid · `BAD_QUOTE` the quote, its invoice and what was
 * asked for do not agree; nothing was paid · `PAYMENT_FAILED` known to have failed, nothing left the wallet · `WALLET` the
 * node refuses to pay or to look up · `WRONG_WALLET` a payment was begun with another node · `REFUSED` by the tickerplant,
 * see `refusal` · `SUPERSEDED` somebody with the same token is live elsewhere · `UNAVAILABLE` server or node away for longer
 * than was to be waited, nothing paid · `PROTOCOL` the other side is no tickerplant · `STATE_LOCKED` another process has the
 * state · `STATE_CORRUPT` it can't be read · `STATE_MISMATCH` it belongs to another subscription · `STATE_IO` the disk failed.
 */
export type SubscriberErrorCode =
  | 'BUDGET'
  | 'BAD_QUOTE'
  | 'PAYMENT_FAILED'
  | 'WALLET'
  | 'WRONG_WALLET'
  | 'REFUSED'
  | 'SUPERSEDED'
  | 'UNAVAILABLE'
  | 'PROTOCOL'
  | 'STATE_LOCKED'
  | 'STATE_CORRUPT'
  | 'STATE_MISMATCH'
  | 'STATE_IO';

/** What an error says beside its message; `refusal` is the tickerplant's own code. */
export interface SubscriberErrorOptions {
  readonly refusal?: string;
  readonly cause?: unknown;
}

/** The one error class of the subscriber. Messages are for people and hold no token and no preimage. */
export class SubscriberError extends Error {
  override readonly name = 'SubscriberError';
  readonly code: SubscriberErrorCode;
  /** The code of the tickerplant's refusal (`UNKNOWN_SYMBOL`), where `code` is `REFUSED`. */
  readonly refusal: string | undefined;

  constructor(code: SubscriberErrorCode, message: string, options: SubscriberErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.refusal = options.refusal;
  }
}
