import { LightningError } from '../../../core/lightning/errors.ts';
import type { SettlementCursor } from '../../../core/lightning/settlement.ts';

const PREFIX = 'simulated:';

/** The cursor after a node's settlement of this number. */
export function toCursor(number: number): SettlementCursor {
  return `${PREFIX}${number}` as SettlementCursor;
}

/** The number in a cursor; 0 for none. @throws LightningError `INVALID_ARGUMENT` when another adapter made it. */
export function fromCursor(cursor: SettlementCursor | undefined): number {
  if (cursor === undefined) return 0;
  const digits = cursor.startsWith(PREFIX) ? cursor.slice(PREFIX.length) : '';
  if (!/^\d{1,15}$/.test(digits)) {
    throw new LightningError('INVALID_ARGUMENT', 'this settlement cursor was not made by the simulated backend', {
      operation: 'settlements',
    });
  }
  return Number(digits);
}
