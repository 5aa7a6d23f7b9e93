import { createHmac, timingSafeEqual } from 'node:crypto';
import type { JournalPosition } from '../ports/journal.ts';
import { TickerplantError } from './errors.ts';

/** Where reading history goes on: a place in the journal, and the last row that was handed over from there on. */
export interface HistoryPlace {
  readonly position: JournalPosition;
  /** Undefined where nothing was handed over from that place on. */
  readonly last: { readonly sym: string; readonly seq: number } | undefined;
}

const SIGNATURE_BYTES = 16;

/** A place as text for a URL. Signed with the subscription's root key: it leads into a file, so nobody else may make one. */
export function writeCursor({ position, last }: HistoryPlace, rootKey: string): string {
  const payload = Buffer.from(JSON.stringify([position.segment, position.offset, ...(last === undefined ? [] : [last.sym, last.seq])]));
  return Buffer.concat([sign(payload, rootKey), payload]).toString('base64url');
}

/** Reads {@link writeCursor}. @throws TickerplantError `BAD_REQUEST` where it was not made for this subscription. */
export function readCursor(text: string, rootKey: string): HistoryPlace {
  const bytes = Buffer.from(text, 'base64url');
  const payload = bytes.subarray(SIGNATURE_BYTES);
  const signature = bytes.subarray(0, SIGNATURE_BYTES);
  if (signature.length !== SIGNATURE_BYTES || !timingSafeEqual(signature, sign(payload, rootKey))) {
    throw new TickerplantError('BAD_REQUEST', 'cursor: is not one of this subscription; begin again without it');
  }
  const [segment, offset, sym, seq] = JSON.parse(payload.toString()) as [number, number, string?, number?];
  return { position: { segment, offset }, last: sym === undefined || seq === undefined ? undefined : { sym, seq } };
}

function sign(payload: Uint8Array, rootKey: string): Buffer {
  return createHmac('sha256', Buffer.from(rootKey, 'hex')).update('history cursor\n').update(payload).digest().subarray(0, SIGNATURE_BYTES);
}
