/** Places kept of one symbol in one segment; when they are all used every second one goes and the stride doubles. */
const MAX_POINTS = 128;
/** Bytes of a segment between two places at first. */
const FIRST_STRIDE = 64 * 1024;

/** Where one symbol of one table stands at the end of a segment. Numbers count within the epoch. */
export interface SymbolEntry {
  /** Table and symbol in UTF-8, one after the other, as records have them. */
  readonly name: Buffer;
  readonly tableBytes: number;
  /** The first number that the symbol had. */
  readonly first: number;
  /** The last number before this segment. */
  readonly before: number;
  /** The last number. */
  last: number;
  /** The same, with what is laid out to be written and is not yet. */
  pending: number;
  /** Where the last record is; segment 0: there is none. */
  lastSegment: number;
  lastOffset: number;
  lastBytes: number;
  /** Sparse places in this segment, rising: `offsets[i]` is of the record that begins with number `seqs[i]`. */
  seqs: number[];
  offsets: number[];
  stride: number;
}

/** A symbol's entry as it stands in an index file. */
type StoredEntry = readonly [
  table: string,
  sym: string,
  first: number,
  before: number,
  last: number,
  lastSegment: number,
  lastOffset: number,
  lastBytes: number,
  seqs: readonly number[],
  offsets: readonly number[],
  stride: number,
];

/**
 * What is where in one segment, and where every symbol of the epoch stands at its end, also those that are not in it: so the
 * newest index alone tells all last numbers, whatever became of older segments.
 */
export class SegmentIndex {
  readonly segment: number;
  readonly #tables = new Map<string, Map<string, SymbolEntry>>();

  constructor(segment: number) {
    this.segment = segment;
  }

  /** The index of the segment after this one, before its first record. */
  successor(segment: number): SegmentIndex {
    const next = new SegmentIndex(segment);
    for (const [table, sym, entry] of this.entries()) {
      next.#put(table, sym, { ...entry, before: entry.last, seqs: [], offsets: [], stride: FIRST_STRIDE });
    }
    return next;
  }

  /** The same before its own first record: what can't be known of an index whose segments before it were removed. */
  beginning(): SegmentIndex {
    const begin = new SegmentIndex(this.segment);
    for (const [table, sym, entry] of this.entries()) {
      if (entry.before < entry.first) continue;
      begin.#put(table, sym, { ...entry, last: entry.before, pending: entry.before, seqs: [], offsets: [], stride: FIRST_STRIDE });
    }
    return begin;
  }

  /** Where a symbol stands; undefined where it never had a row. */
  find(table: string, sym: string): SymbolEntry | undefined {
    return this.#tables.get(table)?.get(sym);
  }

  /** The same, made for a symbol whose first number is to be `seq`. */
  findOrAdd(table: string, sym: string, seq: number): SymbolEntry {
    return this.find(table, sym) ?? this.#put(table, sym, newEntry(table, sym, seq));
  }

  /** Forgets a symbol that was added and got no record. */
  removeEmpty(table: string, sym: string): void {
    if (this.find(table, sym)?.lastSegment === 0) this.#tables.get(table)?.delete(sym);
  }

  /** Notes a record that was written. */
  note(entry: SymbolEntry, seq: number, count: number, offset: number, bytes: number): void {
    const lastPoint = entry.offsets.at(-1);
    if (lastPoint === undefined || offset - lastPoint >= entry.stride) {
      entry.seqs.push(seq);
      entry.offsets.push(offset);
      if (entry.seqs.length > MAX_POINTS) thinOut(entry);
    }
    entry.last = seq + count - 1;
    entry.pending = entry.last;
    entry.lastSegment = this.segment;
    entry.lastOffset = offset;
    entry.lastBytes = bytes;
  }

  /** A place in this segment at or before the record with a symbol's row `seq`, which must be in it. */
  offsetOf(entry: SymbolEntry, seq: number): number {
    let low = 0;
    for (let high = entry.seqs.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if ((entry.seqs[middle] ?? 0) <= seq) low = middle + 1;
      else high = middle;
    }
    return entry.offsets[Math.max(0, low - 1)] ?? 0;
  }

  /** Every symbol's last number, by table. */
  lastSeqs(): Map<string, Map<string, number>> {
    const tables = new Map<string, Map<string, number>>();
    for (const [table, syms] of this.#tables) tables.set(table, new Map([...syms].map(([sym, entry]) => [sym, entry.last])));
    return tables;
  }

  *entries(): Generator<readonly [table: string, sym: string, entry: SymbolEntry]> {
    for (const [table, syms] of this.#tables) for (const [sym, entry] of syms) yield [table, sym, entry];
  }

  /** As it is stored. */
  toJSON(): readonly StoredEntry[] {
    return Array.from(this.entries(), ([table, sym, e]) => [
      table,
      sym,
      e.first,
      e.before,
      e.last,
      e.lastSegment,
      e.lastOffset,
      e.lastBytes,
      e.seqs,
      e.offsets,
      e.stride,
    ]);
  }

  /** Reads {@link toJSON}. */
  static fromJSON(segment: number, stored: readonly StoredEntry[]): SegmentIndex {
    const index = new SegmentIndex(segment);
    for (const [table, sym, first, before, last, lastSegment, lastOffset, lastBytes, seqs, offsets, stride] of stored) {
      const place = { before, last, pending: last, lastSegment, lastOffset, lastBytes };
      index.#put(table, sym, { ...newEntry(table, sym, first), ...place, seqs: [...seqs], offsets: [...offsets], stride });
    }
    return index;
  }

  #put(table: string, sym: string, entry: SymbolEntry): SymbolEntry {
    let syms = this.#tables.get(table);
    if (syms === undefined) {
      syms = new Map();
      this.#tables.set(table, syms);
    }
    syms.set(sym, entry);
    return entry;
  }
}

function newEntry(table: string, sym: string, first: number): SymbolEntry {
  return {
    name: Buffer.from(table + sym),
    tableBytes: Buffer.byteLength(table),
    first,
    before: first - 1,
    last: first - 1,
    pending: first - 1,
    lastSegment: 0,
    lastOffset: 0,
    lastBytes: 0,
    seqs: [],
    offsets: [],
    stride: FIRST_STRIDE,
  };
}

function thinOut(entry: SymbolEntry): void {
  entry.seqs = entry.seqs.filter((_, i) => i % 2 === 0);
  entry.offsets = entry.offsets.filter((_, i) => i % 2 === 0);
  entry.stride *= 2;
}
