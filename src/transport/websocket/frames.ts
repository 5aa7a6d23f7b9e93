import type { Encoding, PublishedRows } from '../../core/tickerplant/published-rows.ts';
import type { ServerMessage } from '../shared/messages.ts';

/** RFC 6455, 5.2: FIN and the opcode of text. A server's frames are not masked, so that one can be shared by all connections. */
const FIN_TEXT = 0x81;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const CLOSING_BRACE = 0x7d;

/** A message as one whole WebSocket text frame. */
export function messageFrame(message: ServerMessage): Uint8Array {
  const text = JSON.stringify(message);
  const length = Buffer.byteLength(text);
  const frame = emptyFrame(length);
  frame.write(text, frame.length - length);
  return frame;
}

/** Rows as one whole WebSocket text frame with an `upd` message in it: made once, and shared by all who take the rows. */
export const updEncoding: Encoding = rowsEncoding('upd');

/** The same as a `snapshot` message. */
export const snapshotEncoding: Encoding = rowsEncoding('snapshot');

function rowsEncoding(op: 'upd' | 'snapshot'): Encoding {
  return { encode: (rows) => rowsFrame(op, rows) };
}

function rowsFrame(op: string, rows: PublishedRows): Uint8Array {
  const { table, sym, epoch, seq, json } = rows;
  const conflated = rows.conflated ? '"conflated":true,' : '';
  const head = `{"op":"${op}","table":${JSON.stringify(table)},"sym":${JSON.stringify(sym)},"epoch":${epoch},"seq":${seq},${conflated}"rows":`;
  const length = Buffer.byteLength(head) + json.length + 1;
  const frame = emptyFrame(length);
  const start = frame.length - length;
  frame.set(json, start + frame.write(head, start));
  frame[frame.length - 1] = CLOSING_BRACE;
  return frame;
}

/** The payload of a frame that was made here. */
export function payloadOf(frame: Uint8Array): Uint8Array {
  return frame.subarray(headerLength(frame[1] as number));
}

function headerLength(shortLength: number): number {
  if (shortLength === LENGTH_64) return 10;
  return shortLength === LENGTH_16 ? 4 : 2;
}

/** A frame with its header written and room for the payload. */
function emptyFrame(length: number): Buffer {
  const shortLength = length < LENGTH_16 ? length : length < 2 ** 16 ? LENGTH_16 : LENGTH_64;
  const frame = Buffer.allocUnsafe(headerLength(shortLength) + length);
  frame[0] = FIN_TEXT;
  frame[1] = shortLength;
  if (shortLength === LENGTH_16) frame.writeUInt16BE(length, 2);
  if (shortLength === LENGTH_64) frame.writeBigUInt64BE(BigInt(length), 2);
  return frame;
}
