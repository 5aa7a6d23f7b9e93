import type { Encoding, PublishedRows } from '../../../core/tickerplant/published-rows.ts';
import type { Message } from '../messages.ts';

const CLOSING_BRACE = 0x7d;
const NEWLINE = 0x0a;

/** How messages stand in a stream. */
export interface StreamFormat {
  readonly contentType: string;
  /** A message; `id`: where the stream is after it. */
  message(message: Message, id?: string): Uint8Array;
  /** Rows, as bytes that are shared by all who take them, but for the id. */
  rows(rows: PublishedRows, id: string | undefined): Uint8Array;
  /** The last row of a symbol. It says nothing of where the stream is. */
  snapshot(rows: PublishedRows): Uint8Array;
}

/** A message with rows as one line of JSON. */
function lineOf(op: 'upd' | 'snapshot', rows: PublishedRows): Uint8Array {
  const head = `{"op":"${op}",${headOf(rows)}`;
  const bytes = Buffer.allocUnsafe(Buffer.byteLength(head) + rows.json.length + 2);
  bytes.set(rows.json, bytes.write(head));
  bytes[bytes.length - 2] = CLOSING_BRACE;
  bytes[bytes.length - 1] = NEWLINE;
  return bytes;
}

const line: Encoding = { encode: (rows: PublishedRows): Uint8Array => lineOf('upd', rows) };

/** The same as an event without its id and its end. */
const event: Encoding = {
  encode: (rows: PublishedRows): Uint8Array => Buffer.concat([UPD_EVENT, rows.encoded(line)]),
};

const UPD_EVENT = Buffer.from('event: upd\ndata: ');
const SNAPSHOT_EVENT = Buffer.from('event: snapshot\ndata: ');
const EVENT_END = Buffer.from('\n');

/** A message a line: newline-delimited JSON. */
export const ndjson: StreamFormat = {
  contentType: 'application/x-ndjson',
  message: (message) => Buffer.from(`${JSON.stringify(message)}\n`),
  rows: (rows) => rows.encoded(line),
  snapshot: (rows) => lineOf('snapshot', rows),
};

/** Server-Sent Events (WHATWG HTML, 9.2): the event's name is the message's `op`, its data the message. */
export const eventStream: StreamFormat = {
  contentType: 'text/event-stream; charset=utf-8',
  message: (message, id) => Buffer.from(`event: ${message.op}\ndata: ${JSON.stringify(message)}\n${idLine(id)}\n`),
  snapshot: (rows) => Buffer.concat([SNAPSHOT_EVENT, lineOf('snapshot', rows), EVENT_END]),
  rows: (rows, id) => Buffer.concat([rows.encoded(event), id === undefined ? EVENT_END : Buffer.from(`${idLine(id)}\n`)]),
};

/** Table, symbol and numbers of rows, as they stand in JSON up to the rows themselves. */
export function headOf({ table, sym, epoch, seq, conflated }: PublishedRows): string {
  const mark = conflated ? '"conflated":true,' : '';
  return `"table":${JSON.stringify(table)},"sym":${JSON.stringify(sym)},"epoch":${epoch},"seq":${seq},${mark}"rows":`;
}

function idLine(id: string | undefined): string {
  return id === undefined ? '' : `id: ${id}\n`;
}
