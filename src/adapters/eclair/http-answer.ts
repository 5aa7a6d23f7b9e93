import { LightningError, type LightningErrorCode, type Retry } from '../../core/lightning/errors.ts';
import { plainText } from '../shared/redact.ts';

/** What came back for one request. */
export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** eclair's own refusal of a request, told by its status. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const MEANING: Readonly<Record<number, LightningErrorCode>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'UNAUTHENTICATED',
  404: 'UNSUPPORTED',
  405: 'UNSUPPORTED',
  408: 'TIMEOUT',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
};

/**
 * The JSON of a good answer. Whose answer it is at all is told by its type: a proxy's page is HTML, whatever its status.
 * @throws ApiError eclair's refusal; LightningError `PROTOCOL` for what is not eclair's, `UNAVAILABLE` for a gateway's word.
 */
export function readAnswer(answer: HttpAnswer, place: string, operation: string, secrets: readonly string[]): unknown {
  const { status, body } = answer;
  if (answer.contentType.includes('html') || body.trimStart().startsWith('<')) {
    throw new LightningError(
      'PROTOCOL',
      `${place} answered with a web page (status ${status}), not as eclair does: is a proxy in between?`,
      {
        operation,
        context: { status },
      },
    );
  }
  if (status >= 300 && status < 400) {
    throw new LightningError('PROTOCOL', `${place} sends elsewhere (status ${status}), which eclair never does`, {
      operation,
      context: { status },
    });
  }
  const value = parseJson(body);
  if (status === 200) {
    if (value === undefined)
      throw new LightningError('PROTOCOL', `${place} answered with what is not JSON`, { operation, context: { status } });
    return value.json;
  }
  if (status === 502 || status === 504) {
    throw new LightningError('UNAVAILABLE', `${place}: a gateway can't reach eclair (status ${status})`, {
      operation,
      retry: 'lookup-first',
    });
  }
  const error = (value?.json as { error?: unknown } | null | undefined)?.error;
  throw new ApiError(status, plainText(error ?? body, secrets) || `status ${status} without a word`);
}

/** The port's error for eclair's refusal, by its status; `overrides` for those that mean something else in a call. */
export function refusal(
  error: ApiError,
  operation: string,
  options: { readonly overrides?: Readonly<Record<number, LightningErrorCode>>; readonly readOnly?: boolean; readonly place: string },
): LightningError {
  const code = options.overrides?.[error.status] ?? MEANING[error.status] ?? (error.status >= 500 ? 'INTERNAL' : 'REJECTED');
  const retry: Retry | undefined = options.readOnly && (code === 'INTERNAL' || code === 'TIMEOUT') ? 'safe' : undefined;
  const message = code === 'UNAUTHENTICATED' ? `${options.place} does not take the password` : `eclair refused: ${error.message}`;
  return new LightningError(code, message, {
    operation,
    cause: error,
    context: { status: error.status },
    ...(retry === undefined ? {} : { retry }),
  });
}

/** Whether something thrown is eclair's refusal, of one of the statuses where any are given. */
export function isRefusal(error: unknown, ...statuses: readonly number[]): error is ApiError {
  return error instanceof ApiError && (statuses.length === 0 || statuses.includes(error.status));
}

function parseJson(text: string): { readonly json: unknown } | undefined {
  try {
    return { json: JSON.parse(text) };
  } catch {
    return undefined;
  }
}
