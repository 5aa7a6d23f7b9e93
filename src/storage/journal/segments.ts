import { unlinkSync } from 'node:fs';
import type { JournalPosition } from '../../core/ports/journal.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { loadIndex, saveIndex } from './index-file.ts';
import { damaged, scanSegment } from './scan.ts';
import { indexPath, type Segment } from './segment.ts';
import { SEGMENT_HEADER_BYTES } from './segment-header.ts';
import { SegmentIndex } from './segment-index.ts';

/** Indexes of ended segments kept in memory. */
const INDEXES_KEPT = 16;

/** Bytes to be read at once: within one segment. */
export interface Extent {
  readonly segment: Segment;
  readonly offset: number;
  readonly length: number;
}

/** The segments of the current epoch with their indexes, and the older ones that wait for their removal. The last is written to. */
export class Segments {
  readonly #dir: string;
  readonly #logger: Logger;
  /** Of earlier epochs, oldest first. */
  readonly #past: Segment[];
  /** Of this epoch, oldest first; never empty once {@link begin} was called. */
  readonly #epoch: Segment[];
  readonly #indexes = new Map<number, SegmentIndex>();
  #index: SegmentIndex;

  constructor(dir: string, logger: Logger, past: Segment[], epoch: Segment[]) {
    this.#dir = dir;
    this.#logger = logger;
    this.#past = past;
    this.#epoch = epoch;
    this.#index = new SegmentIndex(0);
  }

  /** The segment that is written to. */
  get current(): Segment {
    const current = this.#epoch.at(-1);
    if (current === undefined) throw new Error('the journal has no segment');
    return current;
  }

  /** Its index. */
  get index(): SegmentIndex {
    return this.#index;
  }

  /** Makes the last segment's index the current one. */
  useIndex(index: SegmentIndex): void {
    this.#index = index;
  }

  /** What the index of a new last segment begins as. */
  emptyIndex(segment: Segment): SegmentIndex {
    const at = this.#epoch.indexOf(segment);
    const before = this.#epoch[at - 1];
    return before === undefined ? new SegmentIndex(segment.number) : this.indexOf(before).successor(segment.number);
  }

  /** The current segment has ended; a new one follows. */
  push(segment: Segment): void {
    const ended = this.current;
    this.#keep(ended, this.#index);
    try {
      saveIndex(this.#dir, ended, this.#index);
    } catch (error) {
      this.#logger.warn({ err: error, segment: ended.path }, 'the index of a journal segment could not be written; it will be made again');
    }
    this.#index = this.#index.successor(segment.number);
    this.#epoch.push(segment);
  }

  /** The index of any segment of the epoch. @throws JournalError `CORRUPT` */
  indexOf(segment: Segment): SegmentIndex {
    if (segment.number === this.#index.segment) return this.#index;
    const known = this.#indexes.get(segment.number) ?? loadIndex(this.#dir, segment);
    if (known !== undefined) return this.#keep(segment, known);
    const index = this.emptyIndex(segment);
    const torn = scanSegment(segment, index);
    if (torn !== undefined) throw damaged(segment.path, torn.at);
    this.#logger.info({ segment: segment.path }, 'made the index of a journal segment again');
    try {
      saveIndex(this.#dir, segment, index);
    } catch (error) {
      this.#logger.warn({ err: error, segment: segment.path }, 'the index of a journal segment could not be written');
    }
    return this.#keep(segment, index);
  }

  /** A place at or before a symbol's row `seq`; undefined where there is no such row yet. */
  placeOf(table: string, sym: string, seq: number): JournalPosition | undefined {
    const entry = this.#index.find(table, sym);
    if (entry === undefined || entry.last < seq) return undefined;
    for (let i = this.#epoch.length - 1; i >= 0; i -= 1) {
      const segment = this.#epoch[i];
      if (segment === undefined) break;
      const index = this.indexOf(segment);
      const there = index.find(table, sym);
      // It had no row yet when this segment ended: all that is kept of it comes after.
      if (there === undefined) return { segment: segment.number, offset: segment.end };
      if (there.before < seq && there.last >= seq) return { segment: segment.number, offset: index.offsetOf(there, seq) };
      if (there.last < seq) return { segment: segment.number, offset: segment.end };
    }
    return this.first;
  }

  /** The lowest number kept of a symbol. */
  earliest(table: string, sym: string): number | undefined {
    const now = this.#index.find(table, sym);
    const oldest = this.#epoch[0];
    if (now === undefined || oldest === undefined) return undefined;
    const then = this.indexOf(oldest).find(table, sym);
    if (then === undefined) return now.first;
    return then.before < now.last ? then.before + 1 : undefined;
  }

  /** The first place of the epoch that is kept. */
  get first(): JournalPosition {
    return { segment: (this.#epoch[0] ?? this.current).number, offset: SEGMENT_HEADER_BYTES };
  }

  /** The place after the last record. */
  get end(): JournalPosition {
    return { segment: this.current.number, offset: this.current.end };
  }

  /** Bytes of records from a place to the end. */
  bytesFrom(position: JournalPosition): number {
    let bytes = 0;
    for (const segment of this.#epoch) {
      if (segment.number < position.segment) continue;
      const from = segment.number === position.segment ? Math.max(position.offset, SEGMENT_HEADER_BYTES) : SEGMENT_HEADER_BYTES;
      bytes += Math.max(0, segment.end - from);
    }
    return bytes;
  }

  /** What to read next from a place on, at most so many bytes; undefined at the end. A place that was removed is the first one kept. */
  extent(position: JournalPosition, maxBytes: number): Extent | undefined {
    for (const segment of this.#epoch) {
      if (segment.number < position.segment) continue;
      const offset = segment.number === position.segment ? Math.max(position.offset, SEGMENT_HEADER_BYTES) : SEGMENT_HEADER_BYTES;
      if (offset < segment.end) return { segment, offset, length: Math.min(maxBytes, segment.end - offset) };
    }
    return undefined;
  }

  /** A kept segment by its number. */
  find(number: number): Segment | undefined {
    return this.#epoch.find((segment) => segment.number === number);
  }

  /**
   * Removes the oldest ended segments while they may go: those whose rows are all older than `before`, and those beyond `bytes`; never
   * one with a row of `needed` or later. The newest ended one stays: its index knows the last number of symbols that have been quiet for
   * longer, and no number may be used twice. Answers whether something stays only for being needed.
   */
  removeOld(limits: { readonly before: number; readonly bytes: number; readonly needed: number }): boolean {
    const all = [...this.#past, ...this.#epoch];
    let bytes = all.reduce((sum, { end }) => sum + end, 0);
    for (let i = 0; i < all.length - 2; i += 1) {
      const segment = all[i];
      const next = all[i + 1];
      if (segment === undefined || next === undefined) break;
      // Its rows are all from before the next one was begun.
      if (next.createdAt >= limits.before && bytes <= limits.bytes) break;
      // Rows of an earlier epoch are never replayed to anybody.
      if (next.createdAt >= limits.needed && segment.epoch === this.current.epoch) return true;
      try {
        unlinkSync(segment.path);
        unlinkQuietly(indexPath(this.#dir, segment.number));
      } catch (error) {
        this.#logger.warn({ err: error, segment: segment.path }, 'an old journal segment could not be removed');
        break;
      }
      bytes -= segment.end;
      this.#indexes.delete(segment.number);
      if (this.#past[0] === segment) this.#past.shift();
      else this.#epoch.shift();
      this.#logger.info({ segment: segment.path }, 'removed an old journal segment');
    }
    return false;
  }

  #keep(segment: Segment, index: SegmentIndex): SegmentIndex {
    this.#indexes.delete(segment.number);
    this.#indexes.set(segment.number, index);
    for (const oldest of this.#indexes.keys()) {
      if (this.#indexes.size <= INDEXES_KEPT) break;
      this.#indexes.delete(oldest);
    }
    return index;
  }
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was never written.
  }
}
