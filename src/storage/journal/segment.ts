import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readdirSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { JournalError } from '../../core/ports/journal.ts';
import { syncDirectory } from '../shared/directory.ts';
import { formatSegmentHeader, parseSegmentHeader, SEGMENT_HEADER_BYTES, type SegmentHeader } from './segment-header.ts';

/** A segment file. `end`: the bytes of it that count; what is after them was never appended. */
export interface Segment extends SegmentHeader {
  readonly number: number;
  date: string;
  path: string;
  end: number;
}

const NAME = /^(\d{8})-(\d{4}-\d{2}-\d{2})\.journal$/;

/** `00000017-2026-11-20.journal` */
export function segmentName(number: number, date: string): string {
  return `${String(number).padStart(8, '0')}-${date}.journal`;
}

/** The file of a segment's index. */
export function indexPath(dir: string, number: number): string {
  return join(dir, `${String(number).padStart(8, '0')}.index`);
}

/** The segments of a folder. */
export interface SegmentList {
  /** Oldest first. */
  readonly segments: Segment[];
  /** A last one that is shorter than its header: it was being made when the process ended, and has no rows. */
  readonly unfinished: { readonly path: string; readonly bytes: number } | undefined;
  /** Files that are named like a segment and have no header that can be read. */
  readonly unreadable: readonly { readonly path: string; readonly number: number; readonly reason: string; readonly bytes: number }[];
}

/** Reads the headers of a folder's segments; changes nothing. */
export function readSegments(dir: string): SegmentList {
  const names = readdirSync(dir)
    .filter((name) => NAME.test(name))
    .sort();
  const segments: Segment[] = [];
  const unreadable: SegmentList['unreadable'][number][] = [];
  let unfinished: SegmentList['unfinished'];
  for (const [index, name] of names.entries()) {
    const path = join(dir, name);
    const [, number, date = ''] = NAME.exec(name) ?? [];
    const { bytes, size } = readHeader(path);
    if (size < SEGMENT_HEADER_BYTES && index === names.length - 1) {
      unfinished = { path, bytes: size };
      continue;
    }
    const header = parseSegmentHeader(bytes);
    if (typeof header === 'string') unreadable.push({ path, number: Number(number), reason: header, bytes: size });
    else segments.push({ ...header, number: Number(number), date, path, end: size });
  }
  return { segments, unfinished, unreadable };
}

/**
 * The segments of a folder, oldest first. One that was only being made is removed, its bytes are answered as `cutBytes`.
 * @throws JournalError `CORRUPT` naming the file.
 */
export function listSegments(dir: string): { readonly segments: Segment[]; readonly cutBytes: number } {
  const { segments, unfinished, unreadable } = readSegments(dir);
  const [first] = unreadable;
  if (first !== undefined) throw new SegmentDamage(first.path, 0, `the journal segment ${first.path} ${first.reason}`);
  if (unfinished !== undefined) unlinkSync(unfinished.path);
  return { segments, cutBytes: unfinished?.bytes ?? 0 };
}

/** Damage in a segment: a `CORRUPT` that says where. */
export class SegmentDamage extends JournalError {
  readonly path: string;
  /** Byte of the file. */
  readonly at: number;

  constructor(path: string, at: number, message: string) {
    super('CORRUPT', message);
    this.path = path;
    this.at = at;
  }
}

function readHeader(path: string): { readonly bytes: Buffer; readonly size: number } {
  const fd = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
    const length = readSync(fd, bytes, 0, SEGMENT_HEADER_BYTES, 0);
    return { bytes: bytes.subarray(0, length), size: fstatSync(fd).size };
  } finally {
    closeSync(fd);
  }
}

/** Begins a segment: its header is on the disk, and its name in the folder, before this returns. Answers it open for writing. */
export function createSegment(
  dir: string,
  number: number,
  date: string,
  header: SegmentHeader,
): { readonly segment: Segment; readonly fd: number } {
  const path = join(dir, segmentName(number, date));
  const fd = openSync(path, 'wx', 0o640);
  try {
    writeAll(fd, formatSegmentHeader(header), SEGMENT_HEADER_BYTES, 0);
    fsyncSync(fd);
    syncDirectory(dir);
  } catch (error) {
    closeSync(fd);
    unlinkSync(path);
    throw error;
  }
  return { segment: { ...header, number, date, path, end: SEGMENT_HEADER_BYTES }, fd };
}

/** Cuts a segment to what counts of it, on the disk before this returns. */
export function cutSegment(segment: Segment): void {
  const fd = openSync(segment.path, 'r+');
  try {
    ftruncateSync(fd, segment.end);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Writes the first `length` bytes at a place; the system may take them in several goes. */
export function writeAll(fd: number, bytes: Uint8Array, length: number, position: number): void {
  for (let done = 0; done < length; ) done += writeSync(fd, bytes, done, length - done, position + done);
}
