import type { PublishedRows } from '../../core/tickerplant/published-rows.ts';
import { MAX_NAME_BYTES, MAX_RECORD_BYTES, RECORD_HEADER_BYTES, writeRecord } from './record.ts';
import type { SegmentIndex, SymbolEntry } from './segment-index.ts';

/** Lays the records of one append out in one buffer, which is used again and again. */
export class RecordBatch {
  #buffer: Buffer = Buffer.allocUnsafe(64 * 1024);
  #records: readonly PublishedRows[] = [];
  readonly #entries: SymbolEntry[] = [];
  readonly #ends: number[] = [];

  /** How much of {@link bytes} is laid out. */
  get length(): number {
    return this.#ends.at(-1) ?? 0;
  }

  get bytes(): Uint8Array {
    return this.#buffer;
  }

  /** @throws RangeError where a record can't be meant; then nothing is laid out. */
  lay(records: readonly PublishedRows[], epoch: number, index: SegmentIndex, at: number): void {
    this.#records = records;
    this.#entries.length = 0;
    this.#ends.length = 0;
    try {
      const room = this.#prepare(records, epoch, index);
      if (room > this.#buffer.length) this.#buffer = Buffer.allocUnsafe(2 ** Math.ceil(Math.log2(room)));
      let end = 0;
      for (const [i, entry] of this.#entries.entries()) {
        const record = records[i] as PublishedRows;
        end = writeRecord(this.#buffer, end, { seq: record.seq, count: record.count, at }, entry.name, entry.tableBytes, record.json);
        this.#ends.push(end);
      }
    } catch (error) {
      this.forget(index);
      throw error;
    }
  }

  /** They were written, from `offset` on. */
  note(index: SegmentIndex, offset: number): void {
    let begin = 0;
    for (const [i, entry] of this.#entries.entries()) {
      const { seq, count } = this.#records[i] as PublishedRows;
      const end = this.#ends[i] as number;
      index.note(entry, seq, count, offset + begin, end - begin);
      begin = end;
    }
    this.#records = [];
  }

  /** They were not. */
  forget(index: SegmentIndex): void {
    for (const [i, entry] of this.#entries.entries()) {
      const { table, sym } = this.#records[i] as PublishedRows;
      entry.pending = entry.last;
      index.removeEmpty(table, sym);
    }
    this.#records = [];
  }

  #prepare(records: readonly PublishedRows[], epoch: number, index: SegmentIndex): number {
    let room = 0;
    for (const record of records) {
      const { table, sym, seq, count, json } = record;
      if (record.epoch !== epoch) throw new RangeError(`rows of epoch ${record.epoch} in a journal of epoch ${epoch}`);
      if (!(Number.isSafeInteger(seq) && Number.isSafeInteger(count) && seq >= 1 && count >= 1 && count <= 0xffff_ffff)) {
        throw new RangeError(`${count} rows from number ${seq} on can't be recorded`);
      }
      const entry = index.findOrAdd(table, sym, seq);
      this.#entries.push(entry);
      if (seq !== entry.pending + 1) throw new RangeError(`number ${seq} of ${table} ${sym} does not follow ${entry.pending}`);
      const symBytes = entry.name.length - entry.tableBytes;
      if (entry.tableBytes > MAX_NAME_BYTES || symBytes > MAX_NAME_BYTES) throw new RangeError('the name of a table or symbol is too long');
      const bytes = RECORD_HEADER_BYTES + entry.name.length + json.length;
      if (bytes > MAX_RECORD_BYTES) throw new RangeError(`${bytes} bytes are too many for one record`);
      entry.pending = seq + count - 1;
      room += bytes;
    }
    return room;
  }
}
