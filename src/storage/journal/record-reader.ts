import type { JournalChunk, JournalFilter, JournalPosition } from '../../core/ports/journal.ts';
import { PublishedRows } from '../../core/tickerplant/published-rows.ts';
import { isOfTable, RECORD_HEADER_BYTES, recordCount, recordJson, recordLength, recordSeq, recordSym, walkRecords } from './record.ts';
import { damaged } from './scan.ts';
import type { Extent } from './segments.ts';

/** Gathers the matching records of what is read, piece by piece; keeps where to go on. */
export class RecordReader {
  readonly #filter: JournalFilter;
  readonly #table: Buffer;
  readonly #epoch: number;
  readonly #records: PublishedRows[] = [];
  #next: JournalPosition;

  constructor(filter: JournalFilter, epoch: number, from: JournalPosition) {
    this.#filter = filter;
    this.#table = Buffer.from(filter.table);
    this.#epoch = epoch;
    this.#next = from;
  }

  /** Where to go on. */
  get next(): JournalPosition {
    return this.#next;
  }

  /**
   * Takes what was read of an extent. Answers how many bytes are needed where not even one record is whole; they may end
   * within the record once more, where not even its length was there.
   * @throws JournalError `CORRUPT`
   */
  take(extent: Extent, buffer: Buffer): number | undefined {
    const { segment, offset } = extent;
    const { at, problem } = walkRecords(buffer, 0, buffer.length, (start) => this.#match(buffer, start));
    this.#next = { segment: segment.number, offset: offset + at };
    if (problem === undefined) return undefined;
    if (problem === 'bad' || offset + buffer.length >= segment.end) throw damaged(segment.path, offset + at);
    if (at > 0) return undefined;
    const needed = buffer.length < RECORD_HEADER_BYTES ? RECORD_HEADER_BYTES : recordLength(buffer, 0);
    if (offset + needed > segment.end) throw damaged(segment.path, offset);
    return needed;
  }

  /** A segment is gone: goes on with the one after it. */
  skip({ segment }: Extent): void {
    this.#next = { segment: segment.number + 1, offset: 0 };
  }

  /** All that was gathered. */
  chunk(): JournalChunk {
    return { records: this.#records, next: this.#next };
  }

  #match(buffer: Buffer, at: number): void {
    if (!isOfTable(buffer, at, this.#table)) return;
    const sym = recordSym(buffer, at);
    const after = this.#filter.after.get(sym);
    if (after === undefined) return;
    const seq = recordSeq(buffer, at);
    const count = recordCount(buffer, at);
    if (seq + count - 1 <= after) return;
    this.#records.push(new PublishedRows(this.#filter.table, sym, this.#epoch, seq, count, recordJson(buffer, at)));
  }
}
