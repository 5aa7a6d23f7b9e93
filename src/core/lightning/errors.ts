/**
 * What went wrong with a call to a Lightning node.
 * `UNSUPPORTED` the node can't do it, see its capabilities · `UNAUTHENTICATED` the credential is wrong, or has not this right ·
 * `UNAVAILABLE` the node is away, starting or locked · `NOT_SYNCED` it is there but behind the chain ·
 * `WRONG_NETWORK` it is on another network than configured · `NOT_FOUND` no such invoice, payment, peer or channel ·
 * `ALREADY_EXISTS` one with this hash, label or peer is there · `INVALID_ARGUMENT` the request can't be meant ·
 * `INSUFFICIENT_FUNDS` on-chain or channel balance is short · `CONFLICT` its present state forbids it (cancel of a settled invoice) ·
 * `REJECTED` the peer or the node refused · `TIMEOUT` no answer in time: it may have taken effect ·
 * `CONNECTION_LOST` the connection ended before the answer: it may have taken effect · `ABORTED` by the caller's signal ·
 * `PROTOCOL` an answer that is not the node's (a proxy's page, missing fields) · `INTERNAL` everything else.
 */
export type LightningErrorCode =
  | 'UNSUPPORTED'
  | 'UNAUTHENTICATED'
  | 'UNAVAILABLE'
  | 'NOT_SYNCED'
  | 'WRONG_NETWORK'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'INVALID_ARGUMENT'
  | 'INSUFFICIENT_FUNDS'
  | 'CONFLICT'
  | 'REJECTED'
  | 'TIMEOUT'
  | 'CONNECTION_LOST'
  | 'ABORTED'
  | 'PROTOCOL'
  | 'INTERNAL';

/** Whether the same call may be made again: never, safely, or only after looking up what the first one did. */
export type Retry = 'never' | 'safe' | 'lookup-first';

/** What an error says beside its message. `context` holds no secret: it is logged and shown. */
export interface LightningErrorOptions {
  readonly operation: string;
  readonly retry?: Retry;
  readonly cause?: unknown;
  readonly context?: Readonly<Record<string, string | number | boolean>>;
}

const DEFAULT_RETRY: Readonly<Record<LightningErrorCode, Retry>> = {
  UNSUPPORTED: 'never',
  UNAUTHENTICATED: 'never',
  UNAVAILABLE: 'safe',
  NOT_SYNCED: 'safe',
  WRONG_NETWORK: 'never',
  NOT_FOUND: 'never',
  ALREADY_EXISTS: 'never',
  INVALID_ARGUMENT: 'never',
  INSUFFICIENT_FUNDS: 'never',
  CONFLICT: 'never',
  REJECTED: 'never',
  TIMEOUT: 'lookup-first',
  CONNECTION_LOST: 'lookup-first',
  ABORTED: 'lookup-first',
  PROTOCOL: 'lookup-first',
  INTERNAL: 'lookup-first',
};

/** The one error class of the Lightning port: a call itself failed. (How a payment ended is a value, not an error.) */
export class LightningError extends Error {
  override readonly name = 'LightningError';
  readonly code: LightningErrorCode;
  readonly retry: Retry;
  readonly operation: string;
  readonly context: Readonly<Record<string, string | number | boolean>>;

  constructor(code: LightningErrorCode, message: string, options: LightningErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retry = options.retry ?? DEFAULT_RETRY[code];
    this.operation = options.operation;
    this.context = options.context ?? {};
  }
}

/** Whether something thrown is a {@link LightningError}, of the given code where one is given. */
export function isLightningError(error: unknown, code?: LightningErrorCode): error is LightningError {
  return error instanceof LightningError && (code === undefined || error.code === code);
}
