import type { GapEvent } from '../../../core/tickerplant/messages.ts';
import type { Encoding, PublishedRows } from '../../../core/tickerplant/published-rows.ts';
import { gapMessage } from '../../shared/messages.ts';
import type { Message } from '../messages.ts';

const CLOSING_BRACE = 0x7d;
const NEWLINE = 0x0a;

/** How one stream's messages are written. */
export interface StreamWriter {
  readonly contentType: string;
  /** A message that says nothing of where the stream is. */
  message(message: Message): Uint8Array;
  rows(rows: PublishedRows): Uint8Array;
  /** The last row of a symbol. It says nothing of where the stream is. */
  snapshot(rows: PublishedRows): Uint8Array;
  gap(event: GapEvent): Uint8Array;
  /** The stream is over. */
  close(): void;
}

/** A message with rows as one line of JSON. */
export function lineOf(op: 'upd' | 'snapshot', rows: PublishedRows): Uint8Array {
  const head = `{"op":"${op}",${headOf(rows)}`;
  const bytes = Buffer.allocUnsafe(Buffer.byteLength(head) + rows.json.length + 2);
  bytes.set(rows.json, bytes.write(head));
  bytes[bytes.length - 2] = CLOSING_BRACE;
  bytes[bytes.length - 1] = NEWLINE;
  return bytes;
}

/** Rows as a line, shared by all who take them. */
export const updLine: Encoding = { encode: (rows: PublishedRows): Uint8Array => lineOf('upd', rows) };

const messageLine = (message: Message): Uint8Array => Buffer.from(`${JSON.stringify(message)}\n`);

/** A message a line: newline-delimited JSON. Nothing in it is one stream's own, so one writer writes all. */
export const ndjson: StreamWriter = {
  contentType: 'application/x-ndjson',
  message: messageLine,
  rows: (rows) => rows.encoded(updLine),
  snapshot: (rows) => lineOf('snapshot', rows),
  gap: (event) => messageLine(gapMessage(event)),
  close() {},
};

/** Table, symbol and numbers of rows, as they stand in JSON up to the rows themselves. */
export function headOf({ table, sym, epoch, seq, conflated }: PublishedRows): string {
  const mark = conflated ? '"conflated":true,' : '';
  return `"table":${JSON.stringify(table)},"sym":${JSON.stringify(sym)},"epoch":${epoch},"seq":${seq},${mark}"rows":`;
}
