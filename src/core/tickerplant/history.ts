import type { Journal, JournalFilter, JournalPosition } from '../ports/journal.ts';
import { TickerplantError } from './errors.ts';
import { type HistoryPlace, readCursor, writeCursor } from './history-cursor.ts';
import { firstNotBefore } from './history-search.ts';
import type { GapEvent } from './messages.ts';
import { PublishedRows } from './published-rows.ts';
import type { RowRange } from './readable-rows.ts';
import type { Row } from './schema.ts';
import { parseTimestamp } from './times.ts';
import { encodeRows } from './values.ts';

/** Rows of the past, as they are asked for. All bounds may be left out. */
export interface HistoryQuestion {
  /** Numbers, both included, of each symbol. */
  readonly fromSeq?: number | undefined;
  readonly toSeq?: number | undefined;
  /** ISO 8601; rows whose first column is at `from` or later, and before `to`. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** Where an earlier answer ended. */
  readonly cursor?: string | undefined;
}

/** How much one reading hands over before it ends with a cursor. */
export interface HistoryLimits {
  readonly rows: number;
  /** Of rows handed over, in bytes as they stand in the journal. */
  readonly bytes: number;
  /** Of the journal that is read, whatever was found there. */
  readonly scanBytes: number;
}

/** What a reading is made of. */
export interface HistoryParts {
  readonly journal: Journal;
  readonly table: string;
  /** Symbol → which of its rows may be read, ascending and apart; numbers that were published, be they kept or not. */
  readonly readable: ReadonlyMap<string, readonly RowRange[]>;
  readonly question: HistoryQuestion;
  /** Signs the cursors. */
  readonly rootKey: string;
}

/** Read at once; between two of them other work is done. */
const CHUNK_BYTES = 256 * 1024;
/** Up to so many symbols the place of a time is searched; beyond, the rows are looked through. */
const SEARCHED_SYMBOLS = 16;

/** One reading of rows that are in the journal, in its order. It reads in pieces and never holds publishing up. */
export class History {
  readonly #parts: HistoryParts;
  readonly #ranges: ReadonlyMap<string, readonly RowRange[]>;
  readonly #isWanted: ((row: Row) => boolean) | undefined;
  readonly #start: HistoryPlace | undefined;
  #next: string | undefined;

  private constructor(
    parts: HistoryParts,
    ranges: ReadonlyMap<string, readonly RowRange[]>,
    isWanted: ((row: Row) => boolean) | undefined,
    start: HistoryPlace | undefined,
  ) {
    this.#parts = parts;
    this.#ranges = ranges;
    this.#isWanted = isWanted;
    this.#start = start;
  }

  /** @throws TickerplantError `BAD_REQUEST` for bounds or a cursor that can't be meant; JournalError. */
  static async open(parts: HistoryParts): Promise<History> {
    const { journal, table, readable, question, rootKey } = parts;
    const { fromSeq = 1, toSeq = Number.MAX_SAFE_INTEGER } = question;
    const start = question.cursor === undefined ? undefined : readCursor(question.cursor, rootKey);
    const time = timeRange(question);
    const ranges = new Map<string, readonly RowRange[]>();
    const isSearched = time !== undefined && readable.size <= SEARCHED_SYMBOLS;
    for (const [sym, all] of readable) {
      let [low, high] = [fromSeq, toSeq];
      const first = all[0]?.[0];
      const last = all.at(-1)?.[1];
      if (isSearched && first !== undefined && last !== undefined) {
        const range = { table, sym, from: Math.max(first, low), to: Math.min(last, high) };
        low = Math.max(low, await firstNotBefore(journal, range, time.isBefore));
        high = Math.min(high, (await firstNotBefore(journal, range, time.isNotAfter)) - 1);
      }
      const cut = all.map(([from, to]): RowRange => [Math.max(from, low), Math.min(to, high)]).filter(([from, to]) => from <= to);
      if (cut.length > 0) ranges.set(sym, cut);
    }
    const isWanted = time === undefined ? undefined : (row: Row) => !time.isBefore(row) && time.isNotAfter(row);
    return new History(parts, ranges, isWanted, start);
  }

  /** What was asked for, may be read, and is not kept any more. Empty where the reading goes on after a cursor: it was told. */
  get gaps(): readonly GapEvent[] {
    const { journal, table } = this.#parts;
    if (this.#start !== undefined) return [];
    const gaps: GapEvent[] = [];
    for (const [sym, ranges] of this.#ranges) {
      const [first] = ranges;
      const last = ranges.at(-1);
      const earliest = journal.earliest(table, sym) ?? Number.MAX_SAFE_INTEGER;
      if (first === undefined || last === undefined || first[0] >= earliest) continue;
      gaps.push({ table, sym, epoch: journal.epoch, from: first[0], to: Math.min(earliest - 1, last[1]), reason: 'retention' });
    }
    return gaps;
  }

  /** Where to go on once {@link read} has ended; undefined where nothing is left. */
  get next(): string | undefined {
    return this.#next;
  }

  /** Hands rows over, a symbol's in order of their numbers. Ends early at the limits. @throws JournalError */
  async *read(limits: HistoryLimits): AsyncGenerator<PublishedRows> {
    const { journal, table } = this.#parts;
    const filter: JournalFilter = { table, after: new Map([...this.#ranges.keys()].map((sym) => [sym, 0])) };
    const begin = new Map([...this.#ranges].map(([sym, [first]]) => [sym, (first?.[0] ?? 1) - 1]));
    const left = { rows: limits.rows, bytes: limits.bytes };
    const unfinished = new Map([...this.#ranges].map(([sym, ranges]) => [sym, ranges.at(-1)?.[1] ?? 0]));
    let position = this.#start?.position ?? journal.seek({ table, after: begin });
    let after = this.#start?.last;
    let scanned = 0;
    while (unfinished.size > 0 && journal.bytesTo(position) > 0) {
      const before = journal.bytesTo(position);
      const chunk = await journal.read(filter, position, CHUNK_BYTES);
      for (const record of afterLast(chunk.records, after)) {
        for (const rows of this.#piecesOf(record)) {
          const part = rows.count <= left.rows ? rows : slice(rows, 0, left.rows);
          left.rows -= part.count;
          left.bytes -= part.json.length;
          yield part;
          if (left.rows > 0 && left.bytes > 0) continue;
          this.#end(position, { sym: part.sym, seq: part.seq + part.count - 1 });
          return;
        }
        if (record.seq + record.count > (unfinished.get(record.sym) ?? 0)) unfinished.delete(record.sym);
      }
      after = undefined;
      scanned += Math.max(0, before - journal.bytesTo(chunk.next));
      position = chunk.next;
      if (scanned >= limits.scanBytes && unfinished.size > 0 && journal.bytesTo(position) > 0) {
        this.#end(position, undefined);
        return;
      }
    }
  }

  #end(position: JournalPosition, last: HistoryPlace['last']): void {
    this.#next = writeCursor({ position, last }, this.#parts.rootKey);
  }

  /** The parts of a record that are wanted. */
  *#piecesOf(record: PublishedRows): Generator<PublishedRows> {
    const last = record.seq + record.count - 1;
    for (const [from, to] of this.#ranges.get(record.sym) ?? []) {
      if (to < record.seq || from > last) continue;
      const part = slice(record, Math.max(0, from - record.seq), Math.min(record.count, to - record.seq + 1));
      if (this.#isWanted === undefined) yield part;
      else yield* runsOf(part, this.#isWanted);
    }
  }
}

/** What comes after the row that was handed over last. Where its record is gone, so is everything before: all of it comes after. */
function afterLast(records: readonly PublishedRows[], last: HistoryPlace['last']): readonly PublishedRows[] {
  if (last === undefined) return records;
  const at = records.findIndex(({ sym, seq, count }) => sym === last.sym && seq <= last.seq && last.seq < seq + count);
  const record = records[at];
  if (record === undefined) return records;
  const done = last.seq + 1 - record.seq;
  const rest = records.slice(at + 1);
  return done < record.count ? [slice(record, done, record.count), ...rest] : rest;
}

function slice(record: PublishedRows, begin: number, end: number): PublishedRows {
  if (begin === 0 && end === record.count) return record;
  const rows = record.rows.slice(begin, end);
  return new PublishedRows(record.table, record.sym, record.epoch, record.seq + begin, rows.length, encodeRows(rows), rows);
}

/** Runs of rows that are wanted, each with numbers that follow one another. */
function* runsOf(record: PublishedRows, isWanted: (row: Row) => boolean): Generator<PublishedRows> {
  let begin: number | undefined;
  for (let i = 0; i <= record.count; i += 1) {
    const row = record.rows[i];
    const wanted = row !== undefined && isWanted(row);
    if (wanted) begin ??= i;
    else if (begin !== undefined) {
      yield slice(record, begin, i);
      begin = undefined;
    }
  }
}

function timeRange({ from, to }: HistoryQuestion): { isBefore(row: Row): boolean; isNotAfter(row: Row): boolean } | undefined {
  if (from === undefined && to === undefined) return undefined;
  const low = from === undefined ? '' : comparable(from, 'from');
  const high = to === undefined ? '~' : comparable(to, 'to');
  const timeOf = (row: Row): string => String(row[0] ?? '').slice(0, -1);
  // A row without a time is before everything.
  return { isBefore: (row) => row[0] === null || timeOf(row) < low, isNotAfter: (row) => row[0] === null || timeOf(row) < high };
}

/** Canonical timestamps compare as text once the zone, always `Z`, is gone: their fractions differ in length only. */
function comparable(text: string, name: string): string {
  const canonical = parseTimestamp(text);
  if (canonical === undefined) throw new TickerplantError('BAD_REQUEST', `${name}: must be a time such as 2026-11-20T14:30:00Z`);
  return canonical.slice(0, -1);
}
