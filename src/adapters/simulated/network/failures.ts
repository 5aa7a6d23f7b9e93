import { LightningError, type LightningErrorCode } from '../../../core/lightning/errors.ts';

/** An error of the simulated node, of the port's own class. */
export function failure(code: LightningErrorCode, operation: string, message: string): LightningError {
  return new LightningError(code, message, { operation });
}
