import { JournalError } from '../../core/ports/journal.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { type RetryAdvice, TickerplantError, type TickerplantErrorCode } from '../../core/tickerplant/errors.ts';
import { challenge } from '../shared/challenge.ts';
import { HTTP_STATUS } from '../shared/http-status.ts';
import type { Message } from './messages.ts';

/** What this transport refuses by itself. */
const OWN_STATUS = {
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  UNSUPPORTED_MEDIA_TYPE: 415,
  PAYMENT_REQUIRED: 402,
} as const;

/** A refusal's code on this wire. */
export type HttpErrorCode = TickerplantErrorCode | keyof typeof OWN_STATUS;

/** All of them, for the description of the interface. */
export const HTTP_ERROR_CODES: readonly HttpErrorCode[] = [...Object.keys(HTTP_STATUS), ...Object.keys(OWN_STATUS)] as HttpErrorCode[];

/** A refusal that only this transport knows. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly code: HttpErrorCode;
  readonly status: number;
  readonly retry: RetryAdvice;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: keyof typeof OWN_STATUS, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.code = code;
    this.status = OWN_STATUS[code];
    this.retry = 'never';
    this.headers = headers;
  }
}

/** What was asked for is to be paid first; or, where `quote` is undefined, its payment is on its way. */
export class PaymentRequired extends Error {
  override readonly name = 'PaymentRequired';
  readonly quote: Message;

  constructor(quote: Message) {
    super('pay the invoice, then ask again with the token');
    this.quote = quote;
  }
}

/** A refusal as it goes to the buyer. */
export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: { readonly code: HttpErrorCode; readonly message: string; readonly retry: RetryAdvice; readonly quote?: Message };
}

/** Errors of Fastify's and of Node's parser, by their codes. */
const FOREIGN: Readonly<Record<string, readonly [code: TickerplantErrorCode | 'UNSUPPORTED_MEDIA_TYPE', message: string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['TOO_LARGE', 'the body is too large'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['UNSUPPORTED_MEDIA_TYPE', 'a body is application/json'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['BAD_REQUEST', 'the body is empty: it must be JSON, or there must be none and no Content-Type'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['BAD_REQUEST', 'the body is not JSON'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['BAD_REQUEST', 'the body is not as long as Content-Length says'],
  FST_ERR_BAD_URL: ['BAD_REQUEST', 'the URL can not be read'],
  FST_ERR_MAX_PARAM_LENGTH: ['BAD_REQUEST', 'the URL is too long'],
};

const RETRY_AFTER_SECONDS = '1';

/** Whatever was thrown, as a refusal that can be shown: what was not meant for buyers is logged, and kept from them. */
export function refusalOf(thrown: unknown, logger: Logger): Refusal {
  if (thrown instanceof PaymentRequired) {
    const { token, invoice } = thrown.quote;
    const headers = { 'WWW-Authenticate': challenge(String(token), String(invoice)), 'Cache-Control': 'no-store' };
    return { status: 402, headers, body: { code: 'PAYMENT_REQUIRED', message: thrown.message, retry: 'later', quote: thrown.quote } };
  }
  if (thrown instanceof HttpError) {
    const { status, headers, code, message, retry } = thrown;
    return { status, headers, body: { code, message, retry } };
  }
  if (thrown instanceof TickerplantError) return ofCore(thrown);
  if (thrown instanceof JournalError && thrown.code !== 'CLOSED') {
    logger.error({ err: thrown }, 'the journal could not be read for a request');
    return ofCore(new TickerplantError('JOURNAL_UNAVAILABLE', 'recorded rows can not be read at the moment'));
  }
  const foreign = FOREIGN[(thrown as { readonly code?: unknown } | null)?.code as string] ?? syntaxError(thrown);
  if (foreign !== undefined) {
    const [code, message] = foreign;
    return refusalOf(code === 'UNSUPPORTED_MEDIA_TYPE' ? new HttpError(code, message) : new TickerplantError(code, message), logger);
  }
  logger.error({ err: thrown }, 'a request failed in a way that was not foreseen');
  return ofCore(new TickerplantError('INTERNAL', 'something went wrong here; nothing you did'));
}

function ofCore({ code, message, retry }: TickerplantError): Refusal {
  const status = HTTP_STATUS[code];
  const headers = {
    // RFC 9110, 11.6.1: a 401 says how to do better.
    ...(status === 401 && { 'WWW-Authenticate': 'Bearer error="invalid_token"' }),
    ...((status === 429 || status === 503) && { 'Retry-After': RETRY_AFTER_SECONDS }),
  };
  return { status, headers, body: { code, message, retry } };
}

function syntaxError(thrown: unknown): readonly [TickerplantErrorCode, string] | undefined {
  const isBody = thrown instanceof SyntaxError && (thrown as { readonly statusCode?: unknown }).statusCode === 400;
  return isBody ? ['BAD_REQUEST', 'the body is not JSON'] : undefined;
}
