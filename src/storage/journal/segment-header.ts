import { crc32 } from 'node:zlib';

/*
 * A segment's first bytes, little endian:
 *
 *    0  8    magic "LTPJRNL\n"
 *    8  u16  version, 1
 *   10  u16  bytes of this header
 *   12  u32  epoch of all its records
 *   16  f64  when it was begun, milliseconds since 1970
 *   24  36   boot id of the machine at that time, zeros where it has none
 *   60  32   zeros
 *   92  u32  CRC-32 of what is before
 */
const MAGIC = Buffer.from('LTPJRNL\n', 'latin1');
const VERSION = 1;
const BOOT_ID_BYTES = 36;

/** Bytes before a segment's first record. */
export const SEGMENT_HEADER_BYTES = 96;

/** What a segment's header says. */
export interface SegmentHeader {
  readonly epoch: number;
  readonly createdAt: number;
  /** Empty where the machine has none. */
  readonly bootId: string;
}

/** A header's bytes. */
export function formatSegmentHeader(header: SegmentHeader): Buffer {
  const buffer = Buffer.alloc(SEGMENT_HEADER_BYTES);
  MAGIC.copy(buffer);
  buffer.writeUInt16LE(VERSION, 8);
  buffer.writeUInt16LE(SEGMENT_HEADER_BYTES, 10);
  buffer.writeUInt32LE(header.epoch, 12);
  buffer.writeDoubleLE(header.createdAt, 16);
  buffer.write(header.bootId, 24, BOOT_ID_BYTES, 'latin1');
  buffer.writeUInt32LE(crc32(buffer.subarray(0, SEGMENT_HEADER_BYTES - 4)), SEGMENT_HEADER_BYTES - 4);
  return buffer;
}

/** Reads a header; a text says what is wrong with it. */
export function parseSegmentHeader(buffer: Buffer): SegmentHeader | string {
  if (buffer.length < SEGMENT_HEADER_BYTES || buffer.compare(MAGIC, 0, MAGIC.length, 0, MAGIC.length) !== 0)
    return 'is not a journal segment';
  const version = buffer.readUInt16LE(8);
  if (version > VERSION) return `was made by a newer version of this program (format ${version}, this one knows ${VERSION})`;
  if (crc32(buffer.subarray(0, SEGMENT_HEADER_BYTES - 4)) !== buffer.readUInt32LE(SEGMENT_HEADER_BYTES - 4)) return 'is damaged at byte 0';
  return {
    epoch: buffer.readUInt32LE(12),
    createdAt: buffer.readDoubleLE(16),
    bootId: buffer.toString('latin1', 24, 24 + BOOT_ID_BYTES).replaceAll('\0', ''),
  };
}
