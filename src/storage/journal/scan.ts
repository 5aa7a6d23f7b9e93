import { closeSync, openSync, readSync } from 'node:fs';
import type { JournalError } from '../../core/ports/journal.ts';
import {
  checkRecord,
  findMarker,
  MAX_RECORD_BYTES,
  RECORD_HEADER_BYTES,
  recordCount,
  recordLength,
  recordSeq,
  recordSym,
  recordTable,
  walkRecords,
} from './record.ts';
import { type Segment, SegmentDamage } from './segment.ts';
import { SEGMENT_HEADER_BYTES } from './segment-header.ts';
import type { SegmentIndex } from './segment-index.ts';

const CHUNK_BYTES = 4 * 1024 * 1024;

/**
 * A tail that does not check: `short` is the beginning of a record, what a killed process leaves; `bad` is something else, what
 * a power cut may leave.
 */
export interface TornTail {
  readonly at: number;
  readonly kind: 'short' | 'bad';
}

/**
 * Reads a whole segment, checks every record and notes it in `index`. Answers a torn tail where there is one.
 * @throws JournalError `CORRUPT` where good records follow a broken one, or a number does not follow the one before.
 */
export function scanSegment(segment: Segment, index: SegmentIndex, onProgress?: (bytes: number) => void): TornTail | undefined {
  const fd = openSync(segment.path, 'r');
  try {
    let buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, segment.end));
    let at = SEGMENT_HEADER_BYTES;
    while (at < segment.end) {
      const length = readUpTo(fd, buffer, Math.min(buffer.length, segment.end - at), at);
      const base = at;
      const walked = walkRecords(buffer, 0, length, (offset) => noteRecord(segment, index, buffer, offset, base + offset));
      at = base + walked.at;
      onProgress?.(walked.at);
      if (walked.problem === undefined) continue;
      const rest = segment.end - at;
      if (walked.problem === 'short' && base + length < segment.end) {
        // It goes on after this chunk, as far as it says itself.
        const needed = length - walked.at < RECORD_HEADER_BYTES ? RECORD_HEADER_BYTES : recordLength(buffer, walked.at);
        if (needed <= rest) {
          if (needed > buffer.length) buffer = Buffer.allocUnsafe(needed);
          continue;
        }
      }
      const good = findGoodRecord(fd, at + 1, segment.end);
      if (good !== undefined) throw damaged(segment.path, at, `; good records follow at ${good}`);
      // A record that is whole but for its length was written, and maybe sent: that is no torn tail.
      const kind = walked.problem === 'short' && isWholeAt(fd, at, rest) ? 'bad' : walked.problem;
      return { at, kind };
    }
    return undefined;
  } finally {
    closeSync(fd);
  }
}

/** The error of a record that does not check. */
export function damaged(path: string, at: number, detail = ''): JournalError {
  return new SegmentDamage(path, at, `the journal segment ${path} is damaged at byte ${at}${detail}`);
}

function noteRecord(segment: Segment, index: SegmentIndex, buffer: Buffer, offset: number, at: number): void {
  const seq = recordSeq(buffer, offset);
  const entry = index.findOrAdd(recordTable(buffer, offset), recordSym(buffer, offset), seq);
  if (seq !== entry.last + 1) throw damaged(segment.path, at, `: number ${seq} comes after ${entry.last}`);
  index.note(entry, seq, recordCount(buffer, offset), at, recordLength(buffer, offset));
}

/** Where a record that checks begins, from `from` on: what tells damage in the middle from a torn tail. */
function findGoodRecord(fd: number, from: number, end: number): number | undefined {
  const window = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(0, end - from)));
  for (let base = from; end - base >= RECORD_HEADER_BYTES; ) {
    const length = readUpTo(fd, window, Math.min(window.length, end - base), base);
    const view = window.subarray(0, length);
    for (let found = findMarker(view, 0); found >= 0; found = findMarker(view, found + 1)) {
      if (isGoodAt(fd, base + found, end)) return base + found;
    }
    if (base + length >= end) return undefined;
    // A marker may lie across the seam.
    base += length - 3;
  }
  return undefined;
}

function isGoodAt(fd: number, at: number, end: number): boolean {
  const head = Buffer.allocUnsafe(RECORD_HEADER_BYTES);
  if (end - at < RECORD_HEADER_BYTES || readUpTo(fd, head, RECORD_HEADER_BYTES, at) < RECORD_HEADER_BYTES) return false;
  if (checkRecord(head, 0, RECORD_HEADER_BYTES) === 'bad') return false;
  const length = recordLength(head, 0);
  if (length > end - at) return false;
  const record = Buffer.allocUnsafe(length);
  return readUpTo(fd, record, length, at) === length && checkRecord(record, 0, length) === 'good';
}

/** Whether what is left of the file is one record, if only its length said so. */
function isWholeAt(fd: number, at: number, rest: number): boolean {
  if (rest < RECORD_HEADER_BYTES || rest > MAX_RECORD_BYTES) return false;
  const record = Buffer.allocUnsafe(rest);
  if (readUpTo(fd, record, rest, at) < rest) return false;
  record.writeUInt32LE(rest, 8);
  return checkRecord(record, 0, rest) === 'good';
}

function readUpTo(fd: number, buffer: Buffer, length: number, position: number): number {
  let done = 0;
  while (done < length) {
    const read = readSync(fd, buffer, done, length - done, position + done);
    if (read === 0) break;
    done += read;
  }
  return done;
}
