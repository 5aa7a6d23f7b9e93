import { status } from '@grpc/grpc-js';
import { isLightningError } from '../../../src/core/lightning/errors.ts';

/** A call's end with an error, as lnd tells it: nearly always the code "unknown", the text decides. */
export class GrpcFailure extends Error {
  override readonly name = 'GrpcFailure';
  readonly code: status;
  readonly details: string;

  constructor(details: string, code: status = status.UNKNOWN) {
    super(details);
    this.code = code;
    this.details = details;
  }
}

/** lnd found nothing, and says so by code. */
export function notFound(details: string): GrpcFailure {
  return new GrpcFailure(details, status.NOT_FOUND);
}

/** The simulated node's answer was lost with the connection: so is ours. */
export class ConnectionGone extends Error {
  override readonly name = 'ConnectionGone';
}

/** What an error of the simulated node is on lnd's wire, where the handler has no better words for it. */
export function toGrpcFailure(error: unknown): GrpcFailure | ConnectionGone {
  if (error instanceof GrpcFailure || error instanceof ConnectionGone) return error;
  if (isLightningError(error, 'CONNECTION_LOST')) return new ConnectionGone(error.message);
  if (isLightningError(error, 'UNAVAILABLE')) return new GrpcFailure('server is still in the process of starting');
  if (isLightningError(error)) return new GrpcFailure(error.message);
  return new GrpcFailure(error instanceof Error ? `emulated lnd: ${error.message}` : 'emulated lnd failed', status.INTERNAL);
}
