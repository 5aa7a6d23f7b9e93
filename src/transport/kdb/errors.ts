import type { Logger } from '../../core/ports/logger.ts';
import { TickerplantError, type TickerplantErrorCode } from '../../core/tickerplant/errors.ts';
import { KdbCodecError } from '../../kdb/errors.ts';
import { RowsError } from '../../kdb/rows.ts';

/** What a call is refused with, as kdb+ shows it: `'message`. */
export class CallError extends Error {
  override readonly name = 'CallError';
}

/** Every refusal of the core's as kdb+ signals it: a word, and the reason after it. `table`: the name alone, as in kdb+ tick. */
const WORDS: Readonly<Record<TickerplantErrorCode, string>> = {
  UNKNOWN_TABLE: 'table',
  UNKNOWN_SYMBOL: 'sym',
  UNKNOWN_SUBSCRIPTION: 'subscription',
  UNKNOWN_OPERATION: 'nyi',
  BAD_REQUEST: 'domain',
  BAD_TOKEN: 'access',
  TOKEN_EXPIRED: 'expired',
  NOT_SETTLED: 'unpaid',
  FORBIDDEN: 'access',
  KEY_REUSED: 'key',
  TOO_MANY: 'limit',
  RATE_LIMITED: 'limit',
  TOO_LARGE: 'limit',
  NODE_UNAVAILABLE: 'node',
  JOURNAL_UNAVAILABLE: 'journal',
  STOPPING: 'stop',
  SLOW_CONSUMER: 'slow',
  INTERNAL: 'internal',
};

/** What stands in an error's place for whatever was thrown: what was not meant for buyers is logged, and kept from them. */
export function errorText(thrown: unknown, logger: Logger): string {
  if (thrown instanceof CallError || thrown instanceof RowsError) return thrown.message;
  if (thrown instanceof KdbCodecError) return `badmsg: ${thrown.message}`;
  if (thrown instanceof TickerplantError) return `${WORDS[thrown.code]}: ${thrown.message}`;
  logger.error({ err: thrown }, 'a call failed in a way that was not foreseen');
  return `${WORDS.INTERNAL}: something went wrong here; nothing you did`;
}
