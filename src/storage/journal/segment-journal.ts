import { ftruncateSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../../core/ports/clock.ts';
import {
  type Journal,
  type JournalChunk,
  JournalError,
  type JournalFilter,
  type JournalPosition,
  type JournalRecovery,
} from '../../core/ports/journal.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { PublishedRows } from '../../core/tickerplant/published-rows.ts';
import { syncDirectory } from '../shared/directory.ts';
import { toJournalError } from './disk-errors.ts';
import { lastRecords, lastRecordsSync } from './last-records.ts';
import { readExtent, readExtentSync } from './read-extent.ts';
import { RECORD_HEADER_BYTES } from './record.ts';
import { RecordBatch } from './record-batch.ts';
import { RecordReader } from './record-reader.ts';
import { createSegment, segmentName, writeAll } from './segment.ts';
import { SEGMENT_HEADER_BYTES } from './segment-header.ts';
import type { Extent, Segments } from './segments.ts';
import type { Syncer } from './syncer.ts';

/** Bytes read at once where all that is left is read. */
const READ_BYTES = 1024 * 1024;
/** Bytes to be appended before a new segment is tried again after it could not be begun. */
const ROLL_AGAIN_BYTES = 1024 * 1024;
const DAY_MS = 86_400_000;

/** What {@link SegmentJournal} is made of, by `openJournal`. */
export interface SegmentJournalParts {
  readonly dir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly segments: Segments;
  /** The current segment, open for writing. */
  readonly fd: number;
  readonly syncer: Syncer;
  readonly lock: Disposable;
  readonly epoch: number;
  readonly bootId: string;
  readonly recovery: JournalRecovery;
  readonly segmentBytes: number;
  readonly retention: { readonly keepDays: number | undefined; readonly keepBytes: number | undefined };
}

/** The journal as segment files. */
export class SegmentJournal implements Journal {
  readonly epoch: number;
  readonly recovery: JournalRecovery;
  readonly lastSeqs: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly #parts: SegmentJournalParts;
  readonly #segments: Segments;
  readonly #batch = new RecordBatch();
  #fd: number;
  #rollAt: number;
  #refused: JournalError | undefined;
  #neededFrom: (() => number | undefined) | undefined;
  /** Whether segments stay that the retention would remove. */
  #held = false;
  #closing: Promise<void> | undefined;

  constructor(parts: SegmentJournalParts) {
    this.#parts = parts;
    this.#segments = parts.segments;
    this.#fd = parts.fd;
    this.#rollAt = parts.segmentBytes;
    this.epoch = parts.epoch;
    this.recovery = parts.recovery;
    this.lastSeqs = parts.segments.index.lastSeqs();
  }

  get day(): string {
    return this.#segments.current.date;
  }

  /** @throws RangeError for rows of another epoch or with a number that does not follow the last one: a fault of the caller's. */
  append(records: readonly PublishedRows[]): void {
    if (this.#refused !== undefined) throw this.#refused;
    if (records.length === 0) return;
    const { index, current } = this.#segments;
    this.#batch.lay(records, this.epoch, index, this.#parts.clock.now());
    try {
      writeAll(this.#fd, this.#batch.bytes, this.#batch.length, current.end);
    } catch (error) {
      this.#batch.forget(index);
      throw this.#takeBack(toJournalError(error, `the journal segment ${current.path} can not grow`));
    }
    try {
      this.#parts.syncer.written();
    } catch (error) {
      this.#batch.forget(index);
      this.#takeBack(toJournalError(error, `the journal segment ${current.path} can not grow`));
      throw this.refuse(error);
    }
    this.#batch.note(index, current.end);
    current.end += this.#batch.length;
    if (current.end >= this.#rollAt) this.#rollBySize();
  }

  seek(filter: JournalFilter): JournalPosition {
    this.#assertOpen();
    let first = this.#segments.end;
    for (const [sym, after] of filter.after) {
      const place = this.#segments.placeOf(filter.table, sym, after + 1);
      if (place !== undefined && isBefore(place, first)) first = place;
    }
    return first;
  }

  async read(filter: JournalFilter, from: JournalPosition, maxBytes: number): Promise<JournalChunk> {
    this.#assertOpen();
    const reader = new RecordReader(filter, this.epoch, from);
    let left = Math.max(maxBytes, RECORD_HEADER_BYTES);
    for (let extent = this.#segments.extent(from, left); extent !== undefined; extent = this.#segments.extent(reader.next, left)) {
      const buffer = await this.#readOrSkip(extent);
      if (buffer === undefined) {
        reader.skip(extent);
        continue;
      }
      // A record that is longer than all that was asked for is read all the same.
      left = reader.take(extent, buffer) ?? left - buffer.length;
      if (left <= 0) break;
    }
    return reader.chunk();
  }

  readSync(filter: JournalFilter, from: JournalPosition): JournalChunk {
    this.#assertOpen();
    const reader = new RecordReader(filter, this.epoch, from);
    let size = READ_BYTES;
    for (let extent = this.#segments.extent(from, size); extent !== undefined; extent = this.#segments.extent(reader.next, size)) {
      size = reader.take(extent, readExtentSync(extent)) ?? READ_BYTES;
    }
    return reader.chunk();
  }

  bytesTo(position: JournalPosition): number {
    return this.#segments.bytesFrom(position);
  }

  earliest(table: string, sym: string): number | undefined {
    this.#assertOpen();
    return this.#segments.earliest(table, sym);
  }

  async last(table: string, syms: readonly string[]): Promise<readonly PublishedRows[]> {
    this.#assertOpen();
    return lastRecords(this.#segments, this.epoch, table, syms);
  }

  lastSync(table: string, syms: readonly string[]): readonly PublishedRows[] | undefined {
    this.#assertOpen();
    return lastRecordsSync(this.#segments, this.epoch, table, syms);
  }

  retain(neededFrom: () => number | undefined): void {
    this.#neededFrom = neededFrom;
    this.#removeOld();
  }

  /** `date`: the day that has ended; the new segment has the next one's name. Rolling an empty segment only gives it that name. */
  roll(date: string): void {
    if (this.#refused !== undefined) throw this.#refused;
    try {
      this.#begin(dayAfter(date));
    } catch (error) {
      throw toJournalError(error, `a new segment of the journal ${this.#parts.dir} could not be begun`);
    }
    this.#removeOld();
  }

  async sync(): Promise<void> {
    if (this.#refused !== undefined) throw this.#refused;
    try {
      await this.#parts.syncer.sync();
    } catch (error) {
      throw this.refuse(error);
    }
  }

  /** After a failed sync nobody knows what is on the disk: no more rows are taken. Answers the error to be thrown. */
  refuse(cause: unknown): JournalError {
    const error = toJournalError(cause, `the journal ${this.#parts.dir} could not be forced to the disk`);
    this.#parts.logger.error({ err: error }, 'the journal takes no more rows until it is opened again');
    this.#refused ??= error;
    return error;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#refused = new JournalError('CLOSED', `the journal ${this.#parts.dir} is closed`);
    try {
      await this.#parts.syncer.close();
    } catch (error) {
      throw toJournalError(error, `the journal ${this.#parts.dir} could not be forced to the disk`);
    } finally {
      this.#parts.lock[Symbol.dispose]();
    }
  }

  #assertOpen(): void {
    if (this.#closing !== undefined && this.#refused !== undefined) throw this.#refused;
  }

  /** Undefined where the segment was removed meanwhile. */
  async #readOrSkip(extent: Extent): Promise<Buffer | undefined> {
    try {
      return await readExtent(extent);
    } catch (error) {
      if (this.#segments.find(extent.segment.number) === undefined) return undefined;
      throw error;
    }
  }

  /** Cuts what a failed append has left behind; where that fails too, no more rows are taken. */
  #takeBack(error: JournalError): JournalError {
    try {
      ftruncateSync(this.#fd, this.#segments.current.end);
      return error;
    } catch (cause) {
      return this.refuse(
        new JournalError(error.code, `${error.message}; what it had written could not be cut off (${String(cause)})`, { cause }),
      );
    }
  }

  #rollBySize(): void {
    try {
      this.#begin(this.#segments.current.date);
      this.#removeOld();
    } catch (error) {
      // The rows are recorded; only the segment grows on.
      this.#rollAt = this.#segments.current.end + ROLL_AGAIN_BYTES;
      this.#parts.logger.error({ err: error }, 'a new journal segment could not be begun');
    }
  }

  #begin(date: string): void {
    const { dir, clock, bootId, syncer, segmentBytes } = this.#parts;
    const { current } = this.#segments;
    if (current.end === SEGMENT_HEADER_BYTES) {
      this.#rename(date);
      return;
    }
    const { segment, fd } = createSegment(dir, current.number + 1, date, { epoch: this.epoch, createdAt: clock.now(), bootId });
    this.#segments.push(segment);
    syncer.switchTo(fd);
    this.#fd = fd;
    this.#rollAt = segmentBytes;
  }

  #rename(date: string): void {
    const { current } = this.#segments;
    if (current.date === date) return;
    const dir = dirname(current.path);
    const path = `${dir}/${segmentName(current.number, date)}`;
    renameSync(current.path, path);
    syncDirectory(dir);
    current.path = path;
    current.date = date;
  }

  #removeOld(): void {
    const { retention, clock, logger, dir } = this.#parts;
    const { keepDays, keepBytes } = retention;
    if (keepDays === undefined && keepBytes === undefined) return;
    const before = keepDays === undefined ? Number.NEGATIVE_INFINITY : clock.now() - keepDays * DAY_MS;
    const needed = this.#neededFrom?.() ?? Number.POSITIVE_INFINITY;
    const held = this.#segments.removeOld({ before, bytes: keepBytes ?? Number.POSITIVE_INFINITY, needed });
    if (held && !this.#held)
      logger.warn(
        { dir, neededFrom: new Date(needed).toISOString() },
        'the journal keeps more than it should: buyers may still ask for it',
      );
    this.#held = held;
  }
}

function isBefore(a: JournalPosition, b: JournalPosition): boolean {
  return a.segment < b.segment || (a.segment === b.segment && a.offset < b.offset);
}

function dayAfter(date: string): string {
  const day = Date.parse(`${date}T00:00:00Z`);
  if (!/^\d{4}-\d{2}-\d{2}$/.test(date) || Number.isNaN(day)) throw new RangeError(`not a date: ${date}`);
  return new Date(day + DAY_MS).toISOString().slice(0, 10);
}
