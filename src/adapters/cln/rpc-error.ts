import { LightningError, type LightningErrorCode, type Retry } from '../../core/lightning/errors.ts';
import { plainText } from '../shared/redact.ts';

/** lightningd's own refusal of a call, as it said it. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: number;
  readonly data: unknown;

  constructor(code: number, message: string, data: unknown) {
    super(plainText(message));
    this.code = code;
    this.data = data;
  }
}

/** Numbers of lightningd's `jsonrpc_errors.h` that the adapter acts on. */
export const RPC: {
  readonly methodNotFound: -32601;
  readonly invalidParams: -32602;
  readonly noRoute: 205;
  readonly tooExpensive: 206;
  readonly labelTaken: 900;
  readonly preimageTaken: 901;
  readonly hintsUnusable: 902;
  readonly waitTimedOut: 904;
  readonly invoiceUnknown: 905;
  readonly invoiceStatus: 906;
} = {
  methodNotFound: -32601,
  invalidParams: -32602,
  noRoute: 205,
  tooExpensive: 206,
  labelTaken: 900,
  preimageTaken: 901,
  hintsUnusable: 902,
  waitTimedOut: 904,
  invoiceUnknown: 905,
  invoiceStatus: 906,
};

const MEANING: Readonly<Record<number, LightningErrorCode>> = {
  [-32700]: 'PROTOCOL',
  [-32600]: 'INVALID_ARGUMENT',
  [-32601]: 'UNSUPPORTED',
  [-32602]: 'INVALID_ARGUMENT',
  [-1]: 'REJECTED',
  [-2]: 'INVALID_ARGUMENT',
  [-3]: 'INTERNAL',
  [-4]: 'INTERNAL',
  [-5]: 'UNAVAILABLE',
  200: 'CONFLICT',
  201: 'ALREADY_EXISTS',
  205: 'REJECTED',
  206: 'REJECTED',
  208: 'NOT_FOUND',
  215: 'INSUFFICIENT_FUNDS',
  300: 'INVALID_ARGUMENT',
  301: 'INSUFFICIENT_FUNDS',
  302: 'INVALID_ARGUMENT',
  303: 'REJECTED',
  304: 'NOT_SYNCED',
  305: 'NOT_FOUND',
  306: 'NOT_FOUND',
  307: 'CONFLICT',
  308: 'CONFLICT',
  311: 'NOT_FOUND',
  312: 'CONFLICT',
  313: 'INSUFFICIENT_FUNDS',
  314: 'INVALID_ARGUMENT',
  400: 'UNAVAILABLE',
  401: 'UNAVAILABLE',
  402: 'UNAVAILABLE',
  500: 'UNAVAILABLE',
  501: 'UNAVAILABLE',
  900: 'ALREADY_EXISTS',
  901: 'ALREADY_EXISTS',
  902: 'INVALID_ARGUMENT',
  904: 'TIMEOUT',
  905: 'NOT_FOUND',
  906: 'CONFLICT',
  1501: 'UNAUTHENTICATED',
  1502: 'UNAUTHENTICATED',
};

/** Codes after which the command may have been under way already: the plugin or the node itself ended. */
const MAY_HAVE_TAKEN_EFFECT: ReadonlySet<number> = new Set([-3, -4, -5]);

/**
 * The port's error for a refusal of lightningd's, by its number.
 * @param overrides numbers that mean something else in this call
 */
export function refusal(error: RpcError, operation: string, overrides: Readonly<Record<number, LightningErrorCode>> = {}): LightningError {
  const code = overrides[error.code] ?? MEANING[error.code] ?? 'INTERNAL';
  const retry: { readonly retry?: Retry } = MAY_HAVE_TAKEN_EFFECT.has(error.code) ? { retry: 'lookup-first' } : {};
  return new LightningError(code, error.message, { operation, cause: error, context: { rpcCode: error.code }, ...retry });
}

/** Whether something thrown is lightningd's refusal, of one of the numbers where any are given. */
export function isRefusal(error: unknown, ...codes: readonly number[]): error is RpcError {
  return error instanceof RpcError && (codes.length === 0 || codes.includes(error.code));
}
