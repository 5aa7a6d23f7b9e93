import { closeSync, copyFileSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, truncateSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { JournalError } from '../../../core/ports/journal.ts';
import { syncDirectory } from '../../shared/directory.ts';
import { FileLock } from '../../shared/file-lock.ts';
import { bootId } from '../boot-id.ts';
import { toJournalError } from '../disk-errors.ts';
import { recordCount, recordLength, recordSeq, recordSym, recordTable } from '../record.ts';
import { createSegment, indexPath, readSegments, type Segment } from '../segment.ts';
import { SEGMENT_HEADER_BYTES } from '../segment-header.ts';
import { forEachGoodRecord } from './good-records.ts';
import { verifyJournal } from './verify-journal.ts';

/** A place in a journal's folder. */
export interface CutPlace {
  /** Name of the segment's file. */
  readonly file: string;
  readonly at: number;
}

/** Rows that a cut takes away and that can still be read. */
export interface LostRows {
  readonly table: string;
  readonly sym: string;
  readonly rows: number;
  readonly from: number;
  readonly to: number;
}

/** What a cut would do. */
export interface CutPlan {
  readonly dir: string;
  readonly place: CutPlace;
  readonly epoch: number | undefined;
  readonly bytes: number;
  /** Whole segments that go with it, since numbering would have a hole before them. */
  readonly files: readonly string[];
  readonly lost: readonly LostRows[];
}

/**
 * Finds out what a cut at a place, or else at the first damage, takes away; changes nothing. Undefined where there is no damage.
 * @throws JournalError `IO`.
 */
export function planCut(folder: string, place?: CutPlace): CutPlan | undefined {
  const dir = resolve(folder);
  const fault = place === undefined ? verifyJournal(dir).faults.find(({ kind }) => kind === 'segment') : undefined;
  const where = place ?? (fault && { file: basename(fault.file), at: fault.at });
  if (where === undefined) return undefined;
  const { segments, unreadable } = readSegments(dir);
  const whole = unreadable.find(({ path }) => basename(path) === where.file);
  const target = segments.find(({ path }) => basename(path) === where.file);
  if (whole === undefined && target === undefined) throw new JournalError('IO', `the journal ${dir} has no segment ${where.file}`);
  const number = whole?.number ?? (target as Segment).number;
  const before = segments.findLast((segment) => segment.number < number);
  const after = segments.filter((segment) => segment.number > number);
  // Of a segment without a header the neighbours tell the epoch; at the border of two it is the end of one or the beginning of the other.
  const epoch = target?.epoch ?? (before?.epoch === after[0]?.epoch ? before?.epoch : undefined);
  const gone = after.filter((segment) => segment.epoch === epoch);
  const at = target === undefined || where.at < SEGMENT_HEADER_BYTES ? 0 : recordBoundary(target, where.at);
  const lost = new Map<string, LostRows>();
  countRows(join(dir, where.file), Math.max(at, SEGMENT_HEADER_BYTES), lost);
  for (const { path } of gone) countRows(path, SEGMENT_HEADER_BYTES, lost);
  const size = target?.end ?? whole?.bytes ?? 0;
  return {
    dir,
    place: { file: where.file, at },
    epoch,
    bytes: size - at + gone.reduce((sum, { end }) => sum + end, 0),
    files: gone.map(({ path }) => basename(path)),
    lost: [...lost.values()],
  };
}

/**
 * Does what a plan says. What is cut off is moved to a folder of the journal's, not destroyed. Its rows may have been sent, so their
 * numbers must not come again: where it was of the newest epoch, the next one is begun. Answers the folder.
 * @throws JournalError `LOCKED` while a server has it, `FULL`, `IO`.
 */
export function cutJournal(plan: CutPlan, now: number): string {
  const { dir, place, files } = plan;
  const lock = FileLock.take(join(dir, 'journal.lock'));
  if (lock === undefined) throw new JournalError('LOCKED', `the journal ${dir} is in use by another process`);
  try {
    const { segments } = readSegments(dir);
    const kept = join(dir, `cut-${new Date(now).toISOString().replace(/[:.]/g, '-')}`);
    mkdirSync(kept, { recursive: true });
    const newest = Math.max(0, ...segments.map(({ epoch }) => epoch));
    const last = segments.at(-1)?.number ?? 0;
    // First, so that whatever becomes of the rest no number is used again.
    if (plan.epoch === undefined || plan.epoch === newest)
      beginEpoch(dir, newest + 1, Math.max(last, Number.parseInt(place.file, 10)) + 1, now);
    for (const file of files.toReversed()) {
      renameSync(join(dir, file), join(kept, file));
      rmSync(indexPath(dir, Number.parseInt(file, 10)), { force: true });
    }
    const path = join(dir, place.file);
    rmSync(indexPath(dir, Number.parseInt(place.file, 10)), { force: true });
    if (place.at === 0) renameSync(path, join(kept, place.file));
    else {
      copyFileSync(path, join(kept, place.file));
      sync(join(kept, place.file));
      truncateSync(path, place.at);
      sync(path);
    }
    syncDirectory(kept);
    syncDirectory(dir);
    return kept;
  } catch (error) {
    throw toJournalError(error, `the journal ${dir} can not be cut`);
  } finally {
    lock[Symbol.dispose]();
  }
}

function beginEpoch(dir: string, epoch: number, number: number, now: number): void {
  const { fd } = createSegment(dir, number, new Date(now).toISOString().slice(0, 10), { epoch, createdAt: now, bootId: bootId() ?? '' });
  closeSync(fd);
}

/** A cut within a record takes all of it. */
function recordBoundary(segment: Segment, wanted: number): number {
  let boundary = SEGMENT_HEADER_BYTES;
  forEachGoodRecord(segment.path, SEGMENT_HEADER_BYTES, (buffer, offset, at) => {
    const end = at + recordLength(buffer, offset);
    if (at !== boundary || end > wanted) return false;
    boundary = end;
    return true;
  });
  return boundary;
}

/** Counts the good records from a place on, over whatever is broken between them. */
function countRows(path: string, from: number, lost: Map<string, LostRows>): void {
  forEachGoodRecord(path, from, (buffer, offset) => {
    const [table, sym, seq, rows] = [
      recordTable(buffer, offset),
      recordSym(buffer, offset),
      recordSeq(buffer, offset),
      recordCount(buffer, offset),
    ];
    const key = JSON.stringify([table, sym]);
    const known = lost.get(key);
    lost.set(key, { table, sym, rows: (known?.rows ?? 0) + rows, from: known?.from ?? seq, to: seq + rows - 1 });
    return true;
  });
}

function sync(path: string): void {
  const fd = openSync(path, 'r+');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
