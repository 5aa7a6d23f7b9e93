import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { PublishedRows } from '../../../core/tickerplant/published-rows.ts';
import { toJournalError } from '../disk-errors.ts';
import {
  RECORD_HEADER_BYTES,
  recordAt,
  recordCount,
  recordJson,
  recordLength,
  recordSeq,
  recordSym,
  recordTable,
  walkRecords,
} from '../record.ts';
import { damaged } from '../scan.ts';
import { readSegments, type Segment } from '../segment.ts';
import { SEGMENT_HEADER_BYTES } from '../segment-header.ts';
import { isRunning } from './verify-journal.ts';

const CHUNK_BYTES = 4 * 1024 * 1024;

/** Which rows are wanted; what is left out is no condition. Times are when they were published, milliseconds since 1970. */
export interface RecordSelection {
  readonly table?: string;
  readonly syms?: ReadonlySet<string>;
  readonly from?: number;
  /** Before this time. */
  readonly until?: number;
  readonly fromSeq?: number;
  /** This number is the last. */
  readonly toSeq?: number;
  /** The newest one unless given. */
  readonly epoch?: number | 'all';
}

/** What is read at once. The records' bytes are views into one buffer, good until the next is asked for. */
export interface RecordBatch {
  readonly records: readonly PublishedRows[];
  /** Bytes of segments read so far, and all that there are to read. */
  readonly doneBytes: number;
  readonly allBytes: number;
}

/**
 * Reads a journal in the order in which it was written, without opening it: a server may go on with it, and rows that are appended
 * after the beginning are not read. A record that is only half within a range of numbers is cut by whoever takes it.
 * @throws JournalError `CORRUPT` naming file and byte, `IO`.
 */
export async function* readRecords(folder: string, selection: RecordSelection = {}): AsyncGenerator<RecordBatch> {
  const dir = resolve(folder);
  try {
    const running = isRunning(dir);
    const { segments, unreadable } = readSegments(dir);
    const [broken] = unreadable;
    if (broken !== undefined) throw damaged(broken.path, 0);
    const chosen = choose(segments, selection);
    const allBytes = chosen.reduce((sum, { end }) => sum + end, 0);
    let doneBytes = 0;
    for (const segment of chosen) {
      const isLast = segment === segments.at(-1);
      for await (const { records, bytes } of readSegment(segment, selection, isLast || running)) {
        doneBytes += bytes;
        yield { records, doneBytes, allBytes };
      }
    }
  } catch (error) {
    throw toJournalError(error, `the journal ${dir} can not be read`);
  }
}

function choose(segments: readonly Segment[], { epoch = segments.at(-1)?.epoch, from, until }: RecordSelection): readonly Segment[] {
  return segments.filter((segment, i) => {
    const ended = segments[i + 1]?.createdAt ?? Number.POSITIVE_INFINITY;
    return (
      (epoch === 'all' || segment.epoch === epoch) &&
      (from === undefined || ended >= from) &&
      (until === undefined || segment.createdAt < until)
    );
  });
}

async function* readSegment(
  segment: Segment,
  selection: RecordSelection,
  mayBeTorn: boolean,
): AsyncGenerator<{ readonly records: PublishedRows[]; readonly bytes: number }> {
  const file = await open(segment.path, 'r');
  try {
    let buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, segment.end));
    for (let at = SEGMENT_HEADER_BYTES; at < segment.end; ) {
      const wanted = Math.min(buffer.length, segment.end - at);
      const { bytesRead } = await file.read(buffer, 0, wanted, at);
      if (bytesRead === 0) return;
      const records: PublishedRows[] = [];
      const walked = walkRecords(buffer, 0, bytesRead, (offset) => {
        if (matches(buffer, offset, selection)) records.push(toRows(buffer, offset, segment.epoch));
      });
      yield { records, bytes: walked.at };
      at += walked.at;
      if (walked.problem === undefined || bytesRead < wanted) continue;
      const atEnd = at + bytesRead - walked.at >= segment.end;
      if (walked.problem === 'short' && atEnd && mayBeTorn) return;
      if (walked.problem === 'bad' || atEnd) throw damaged(segment.path, at);
      if (walked.at > 0) continue;
      const needed = bytesRead < RECORD_HEADER_BYTES ? RECORD_HEADER_BYTES : recordLength(buffer, 0);
      if (at + needed > segment.end && !mayBeTorn) throw damaged(segment.path, at);
      if (at + needed > segment.end) return;
      buffer = Buffer.allocUnsafe(needed);
    }
  } finally {
    await file.close();
  }
}

function matches(buffer: Buffer, at: number, { table, syms, from, until, fromSeq, toSeq }: RecordSelection): boolean {
  if (from !== undefined && recordAt(buffer, at) < from) return false;
  if (until !== undefined && recordAt(buffer, at) >= until) return false;
  const seq = recordSeq(buffer, at);
  if (toSeq !== undefined && seq > toSeq) return false;
  if (fromSeq !== undefined && seq + recordCount(buffer, at) <= fromSeq) return false;
  return (table === undefined || recordTable(buffer, at) === table) && (syms === undefined || syms.has(recordSym(buffer, at)));
}

function toRows(buffer: Buffer, at: number, epoch: number): PublishedRows {
  return new PublishedRows(
    recordTable(buffer, at),
    recordSym(buffer, at),
    epoch,
    recordSeq(buffer, at),
    recordCount(buffer, at),
    recordJson(buffer, at),
  );
}
