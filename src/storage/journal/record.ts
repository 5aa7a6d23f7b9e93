import { crc32 } from 'node:zlib';

/*
 * A record, little endian:
 *
 *    0  u32  marker FF 57 52 FE: FF and FE occur in no UTF-8 text, so it is not found inside of rows or names
 *    4  u32  CRC-32 (zlib's) of all bytes from 8 on
 *    8  u32  length of the whole record
 *   12  u32  count of rows
 *   16  f64  number of the first row
 *   24  f64  when it was appended, milliseconds since 1970
 *   32  u16  bytes of the table's name
 *   34  u16  bytes of the symbol
 *   36       table, symbol, rows as a JSON array (UTF-8)
 */
const MARKER = 0xfe5257ff;
const MARKER_BYTES = Buffer.from([0xff, 0x57, 0x52, 0xfe]);

/** Bytes of a record before its names. */
export const RECORD_HEADER_BYTES = 36;
/** The longest record; a longer length is damage. */
export const MAX_RECORD_BYTES = 0x4000_0000;
/** The longest name of a table or symbol, in bytes. */
export const MAX_NAME_BYTES = 0xffff;

/** What a record says beside its rows. */
export interface RecordHead {
  readonly seq: number;
  readonly count: number;
  readonly at: number;
}

/** Writes a record into `target`; `name` is table and symbol, one after the other. Answers where it ends. */
export function writeRecord(target: Buffer, at: number, head: RecordHead, name: Uint8Array, tableBytes: number, json: Uint8Array): number {
  const end = at + RECORD_HEADER_BYTES + name.length + json.length;
  target.writeUInt32LE(MARKER, at);
  target.writeUInt32LE(end - at, at + 8);
  target.writeUInt32LE(head.count, at + 12);
  target.writeDoubleLE(head.seq, at + 16);
  target.writeDoubleLE(head.at, at + 24);
  target.writeUInt16LE(tableBytes, at + 32);
  target.writeUInt16LE(name.length - tableBytes, at + 34);
  target.set(name, at + RECORD_HEADER_BYTES);
  target.set(json, at + RECORD_HEADER_BYTES + name.length);
  target.writeUInt32LE(crc32(target.subarray(at + 8, end)), at + 4);
  return end;
}

/** Length of the record that begins here; needs its first 12 bytes. */
export function recordLength(buffer: Buffer, at: number): number {
  return buffer.readUInt32LE(at + 8);
}

/** Number of a record's first row. */
export function recordSeq(buffer: Buffer, at: number): number {
  return buffer.readDoubleLE(at + 16);
}

/** When a record was appended, milliseconds since 1970. */
export function recordAt(buffer: Buffer, at: number): number {
  return buffer.readDoubleLE(at + 24);
}

/** How many rows a record has. */
export function recordCount(buffer: Buffer, at: number): number {
  return buffer.readUInt32LE(at + 12);
}

/** A record's table. */
export function recordTable(buffer: Buffer, at: number): string {
  const start = at + RECORD_HEADER_BYTES;
  return buffer.toString('utf8', start, start + buffer.readUInt16LE(at + 32));
}

/** Whether a record is of a table, given its name's bytes. */
export function isOfTable(buffer: Buffer, at: number, table: Buffer): boolean {
  if (buffer.readUInt16LE(at + 32) !== table.length) return false;
  const start = at + RECORD_HEADER_BYTES;
  return buffer.compare(table, 0, table.length, start, start + table.length) === 0;
}

/** A record's symbol. */
export function recordSym(buffer: Buffer, at: number): string {
  const start = at + RECORD_HEADER_BYTES + buffer.readUInt16LE(at + 32);
  return buffer.toString('utf8', start, start + buffer.readUInt16LE(at + 34));
}

/** A record's rows: a view into the buffer, not a copy. */
export function recordJson(buffer: Buffer, at: number): Buffer {
  const start = at + RECORD_HEADER_BYTES + buffer.readUInt16LE(at + 32) + buffer.readUInt16LE(at + 34);
  return buffer.subarray(start, at + recordLength(buffer, at));
}

/** Whether `buffer` holds a whole record at `at` (`good`), the beginning of one (`short`), or something else (`bad`). */
export function checkRecord(buffer: Buffer, at: number, end: number): 'good' | 'short' | 'bad' {
  if (end - at < RECORD_HEADER_BYTES) return isPrefixOfMarker(buffer, at, end) ? 'short' : 'bad';
  if (buffer.readUInt32LE(at) !== MARKER) return 'bad';
  const length = recordLength(buffer, at);
  const names = buffer.readUInt16LE(at + 32) + buffer.readUInt16LE(at + 34);
  if (length < RECORD_HEADER_BYTES + names || length > MAX_RECORD_BYTES) return 'bad';
  if (length > end - at) return 'short';
  return crc32(buffer.subarray(at + 8, at + length)) === buffer.readUInt32LE(at + 4) ? 'good' : 'bad';
}

function isPrefixOfMarker(buffer: Buffer, at: number, end: number): boolean {
  const length = Math.min(end - at, MARKER_BYTES.length);
  return buffer.compare(MARKER_BYTES, 0, length, at, at + length) === 0;
}

/** Where the next marker is, from `at` on; -1 where there is none. */
export function findMarker(buffer: Buffer, at: number): number {
  return buffer.indexOf(MARKER_BYTES, at);
}

/**
 * Visits whole good records from `from` on. Answers where it stopped, and why: `short`, `bad`, or undefined at the very end.
 */
export function walkRecords(
  buffer: Buffer,
  from: number,
  end: number,
  visit: (at: number) => void,
): { readonly at: number; readonly problem: 'short' | 'bad' | undefined } {
  let at = from;
  while (at < end) {
    const state = checkRecord(buffer, at, end);
    if (state !== 'good') return { at, problem: state };
    visit(at);
    at += recordLength(buffer, at);
  }
  return { at, problem: undefined };
}
