import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { JournalError } from '../../../core/ports/journal.ts';
import { FileLock } from '../../shared/file-lock.ts';
import { toJournalError } from '../disk-errors.ts';
import { loadIndex } from '../index-file.ts';
import { scanSegment } from '../scan.ts';
import { indexPath, readSegments, type Segment, SegmentDamage } from '../segment.ts';
import { SegmentIndex } from '../segment-index.ts';

/** Something that a journal should not have. */
export interface JournalFault {
  readonly file: string;
  /** Byte of the file where it begins. */
  readonly at: number;
  /** `segment` holds rows; an `index` is derived, and is made again by itself. */
  readonly kind: 'segment' | 'index';
  readonly message: string;
}

/** What {@link verifyJournal} has found. */
export interface JournalReport {
  readonly dir: string;
  readonly clean: boolean;
  readonly faults: readonly JournalFault[];
  /** What is no fault, but should be known. */
  readonly notes: readonly string[];
  readonly segments: number;
  readonly epochs: readonly number[];
  readonly bytes: number;
  readonly rows: number;
  /** Whether a server has it open: then its last record may be under way, and is not looked at. */
  readonly running: boolean;
}

/** What is told while it runs. */
export type OnProgress = (doneBytes: number, allBytes: number) => void;

/**
 * Reads a journal from its first byte to its last and changes nothing; a server may go on with it meanwhile. Checks every record's
 * checksum, that numbers follow each other within an epoch, that no segment is missing, and the indexes.
 * @throws JournalError `IO` where it can't be read.
 */
export function verifyJournal(folder: string, onProgress?: OnProgress): JournalReport {
  const dir = resolve(folder);
  try {
    return verify(dir, isRunning(dir), onProgress);
  } catch (error) {
    throw toJournalError(error, `the journal ${dir} can not be read`);
  }
}

/** Whether a server has a journal open. */
export function isRunning(dir: string): boolean {
  const path = join(dir, 'journal.lock');
  if (!existsSync(path)) return false;
  const lock = FileLock.take(path);
  lock?.[Symbol.dispose]();
  return lock === undefined;
}

function verify(dir: string, running: boolean, onProgress: OnProgress | undefined): JournalReport {
  if (!existsSync(dir)) throw new JournalError('IO', `there is no journal ${dir}`);
  const { segments, unfinished, unreadable } = readSegments(dir);
  const faults: JournalFault[] = unreadable.map(({ path, reason }) => ({ file: path, at: 0, kind: 'segment', message: `it ${reason}` }));
  const notes: string[] = [];
  if (unfinished !== undefined && !running) notes.push(`${unfinished.path} was only being made: the server removes it when it starts`);
  const allBytes = segments.reduce((sum, { end }) => sum + end, 0);
  const walk: Walk = { dir, faults, notes, unreadable: unreadable.map(({ number }) => number), before: undefined };
  let doneBytes = 0;
  let rows = 0;
  for (const segment of segments) {
    const isLast = segment === segments.at(-1);
    const begin = doneBytes;
    rows += verifySegment(walk, segment, isLast, running, (bytes) => {
      doneBytes += bytes;
      onProgress?.(doneBytes, allBytes);
    });
    doneBytes = begin + segment.end;
  }
  const epochs = [...new Set(segments.map(({ epoch }) => epoch))];
  return { dir, clean: faults.length === 0, faults, notes, segments: segments.length, epochs, bytes: allBytes, rows, running };
}

interface Walk {
  readonly dir: string;
  readonly faults: JournalFault[];
  readonly notes: string[];
  readonly unreadable: readonly number[];
  /** The segment before, and where numbering stood at its end; without an index where that is not known. */
  before: { readonly segment: Segment; readonly index: SegmentIndex | undefined } | undefined;
}

/** Answers the rows that are good. */
function verifySegment(walk: Walk, segment: Segment, isLast: boolean, running: boolean, onProgress: (bytes: number) => void): number {
  const { before, faults, dir } = walk;
  const continued = before?.segment.epoch === segment.epoch ? before : undefined;
  if (continued !== undefined) checkNeighbours(walk, continued.segment, segment);
  const stored = loadIndex(dir, segment);
  const known = continued?.index !== undefined && continued.segment.number + 1 === segment.number;
  const index = known ? continued.index.successor(segment.number) : (stored?.beginning() ?? new SegmentIndex(segment.number));
  const beginning = rowsOf(index);
  walk.before = { segment, index: undefined };
  try {
    const torn = scanSegment(segment, index, onProgress);
    if (torn === undefined || (isLast && running)) walk.before = { segment, index };
    else if (isLast && torn.kind === 'short') {
      walk.before = { segment, index };
      walk.notes.push(
        `${segment.path} ends within a record, at byte ${torn.at}: it was being written when the process was killed, nobody was sent it`,
      );
    } else faults.push({ file: segment.path, at: torn.at, kind: 'segment', message: 'what is there is not a record that was written' });
    // Of the one that is written to there may be an index since, of more than was read here.
    if (torn === undefined && !(isLast && running)) checkIndex(walk, segment, index, stored);
  } catch (error) {
    if (running && isGone(error)) return 0;
    if (!(error instanceof SegmentDamage)) throw error;
    faults.push({
      file: segment.path,
      at: error.at,
      kind: 'segment',
      message:
        error.message.replace(/^the journal segment .* is damaged at byte \d+[:;]? ?/, '') ||
        'what is there is not a record that was written',
    });
  }
  return rowsOf(index) - beginning;
}

/** The server has removed an old segment, or given an empty one another day's name. */
function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function checkNeighbours({ faults, unreadable }: Walk, before: Segment, segment: Segment): void {
  for (let number = before.number + 1; number < segment.number; number += 1) {
    if (!unreadable.includes(number))
      faults.push({ file: segment.path, at: 0, kind: 'segment', message: `segment ${number}, which comes before it, is missing` });
  }
}

/** A segment that goes on has no index yet, and one that is missing is made again. */
function checkIndex({ dir, faults }: Walk, segment: Segment, index: SegmentIndex, stored: SegmentIndex | undefined): void {
  const file = indexPath(dir, segment.number);
  if (!existsSync(file)) return;
  if (stored === undefined) faults.push({ file, at: 0, kind: 'index', message: 'it does not check; it is made again when it is needed' });
  else if (sorted(stored) !== sorted(index)) faults.push({ file, at: 0, kind: 'index', message: 'it does not say what is in its segment' });
}

function sorted(index: SegmentIndex): string {
  return index
    .toJSON()
    .map((entry) => JSON.stringify(entry))
    .sort()
    .join('\n');
}

function rowsOf(index: SegmentIndex): number {
  let rows = 0;
  for (const [, , entry] of index.entries()) rows += entry.last - entry.first + 1;
  return rows;
}
