import type { Logger } from '../../core/ports/logger.ts';
import { TickerplantError, type TickerplantErrorCode } from '../../core/tickerplant/errors.ts';
import type { ServerMessage } from '../shared/messages.ts';
import type { RequestId } from './requests.ts';

/** How a refusal goes over the wire: its code in the `error` message, and the close code where it ends the connection (RFC 6455, 7.4). */
interface WireError {
  readonly code: string;
  readonly close?: number;
}

/** Every refusal of the core's on this wire; the compiler sees to it that none is left out. */
export const WIRE_ERRORS: Readonly<Record<TickerplantErrorCode, WireError>> = {
  UNKNOWN_TABLE: { code: 'UNKNOWN_TABLE' },
  UNKNOWN_SYMBOL: { code: 'UNKNOWN_SYMBOL' },
  UNKNOWN_SUBSCRIPTION: { code: 'UNKNOWN_SUBSCRIPTION' },
  UNKNOWN_OPERATION: { code: 'UNKNOWN_OPERATION' },
  BAD_REQUEST: { code: 'BAD_REQUEST' },
  BAD_TOKEN: { code: 'BAD_TOKEN' },
  TOKEN_EXPIRED: { code: 'TOKEN_EXPIRED' },
  NOT_SETTLED: { code: 'NOT_SETTLED' },
  FORBIDDEN: { code: 'FORBIDDEN' },
  KEY_REUSED: { code: 'KEY_REUSED' },
  TOO_MANY: { code: 'TOO_MANY' },
  RATE_LIMITED: { code: 'RATE_LIMITED' },
  TOO_LARGE: { code: 'TOO_LARGE', close: 1009 },
  NODE_UNAVAILABLE: { code: 'NODE_UNAVAILABLE' },
  JOURNAL_UNAVAILABLE: { code: 'JOURNAL_UNAVAILABLE' },
  STOPPING: { code: 'STOPPING' },
  SLOW_CONSUMER: { code: 'SLOW_CONSUMER', close: 1013 },
  INTERNAL: { code: 'INTERNAL' },
};

/** Whatever was thrown, as a refusal that can be shown: what the core did not mean for buyers is logged, and kept from them. */
export function toTickerplantError(thrown: unknown, logger: Logger): TickerplantError {
  if (thrown instanceof TickerplantError) return thrown;
  logger.error({ err: thrown }, 'a request failed in a way that was not foreseen');
  return new TickerplantError('INTERNAL', 'something went wrong here; nothing you did');
}

/** The `error` message. */
export function errorMessage(error: TickerplantError, id: RequestId | undefined): ServerMessage {
  return { op: 'error', id, code: WIRE_ERRORS[error.code].code, message: error.message, retry: error.retry };
}
