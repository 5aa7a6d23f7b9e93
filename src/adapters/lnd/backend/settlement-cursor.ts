import { LightningError } from '../../../core/lightning/errors.ts';
import type { NodeId } from '../../../core/lightning/identifiers.ts';
import type { SettlementCursor } from '../../../core/lightning/settlement.ts';

/** A place in one lnd's sequence of settled invoices. */
export interface Position {
  /** lnd's settle index of the last invoice yielded; 0 before the first. */
  readonly settled: bigint;
  /**
   * lnd's add index up to which every invoice was final (settled, at or before `settled`, or cancelled) when last looked:
   * a later look begins after it.
   */
  readonly final: bigint;
}

const VERSION = 'lnd1';
const NODE_DIGITS = 16;

/** Writes a position as the opaque cursor, with a mark of the node that it is good for. */
export function toCursor(position: Position, node: NodeId): SettlementCursor {
  return `${VERSION}.${node.slice(0, NODE_DIGITS)}.${position.settled}.${position.final}` as SettlementCursor;
}

/** Reads a cursor. @throws LightningError `INVALID_ARGUMENT` for one of another adapter or another node. */
export function fromCursor(cursor: SettlementCursor, node: NodeId): Position {
  const [version, mark, settled, final, ...more] = cursor.split('.');
  const isNumber = (text: string | undefined): text is string => text !== undefined && /^\d{1,19}$/.test(text);
  if (version !== VERSION || !isNumber(settled) || !isNumber(final) || more.length > 0)
    throw refused('the cursor is not one of this adapter');
  if (mark !== node.slice(0, NODE_DIGITS)) throw refused('the cursor is one of another node');
  return { settled: BigInt(settled), final: BigInt(final) };
}

function refused(message: string): LightningError {
  return new LightningError('INVALID_ARGUMENT', message, { operation: 'invoices.settlements' });
}
