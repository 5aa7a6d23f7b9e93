import type { PublishedRows } from '../tickerplant/published-rows.ts';

/** A place in the journal, between two records. Opaque; compare with {@link Journal.bytesTo}. */
export interface JournalPosition {
  readonly segment: number;
  readonly offset: number;
}

/** Which records of the current epoch: rows of a table's symbols with a number above the given one. */
export interface JournalFilter {
  readonly table: string;
  readonly after: ReadonlyMap<string, number>;
}

/** Records read, and where to go on. A record may begin at or before the number asked for and end after it: cut it. */
export interface JournalChunk {
  readonly records: readonly PublishedRows[];
  readonly next: JournalPosition;
}

/** What was found when the journal was opened. */
export interface JournalRecovery {
  /** Bytes of a torn tail that were cut off; never sent to anybody. */
  readonly cutBytes: number;
  /** Whether the epoch goes on (killed on the same boot) or was raised. */
  readonly continued: boolean;
}

/** `FULL` no space left · `IO` any other failure of the disk · `CORRUPT` a record in the middle does not check · `LOCKED` another process has it · `CLOSED`. */
export class JournalError extends Error {
  override readonly name = 'JournalError';
  readonly code: 'FULL' | 'IO' | 'CORRUPT' | 'LOCKED' | 'CLOSED';

  constructor(code: JournalError['code'], message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The durable record of every published row (kdb+'s tick log). */
export interface Journal extends AsyncDisposable {
  readonly epoch: number;
  readonly recovery: JournalRecovery;
  /** Table → symbol → last number used in this epoch, as found at opening. */
  readonly lastSeqs: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /**
   * Writes records, all or none, before it returns (to the operating system; synced by the store's own policy).
   * @throws JournalError `FULL`, `IO`: nothing was appended, and it may be tried again.
   */
  append(records: readonly PublishedRows[]): void;
  /** A place at or before the first record that the filter matches. */
  seek(filter: JournalFilter): JournalPosition;
  /** Matching records from a place on, having read `maxBytes` or reached the end. */
  read(filter: JournalFilter, from: JournalPosition, maxBytes: number): Promise<JournalChunk>;
  /** The same at once and to the end, for the short last stretch before going live. */
  readSync(filter: JournalFilter, from: JournalPosition): JournalChunk;
  /** Bytes between a place and the end; 0 at the end. */
  bytesTo(position: JournalPosition): number;
  /** The lowest number still kept of a symbol in this epoch; undefined where there is none. */
  earliest(table: string, sym: string): number | undefined;
  /** The last record of each symbol of a table, for snapshots. */
  last(table: string, syms: readonly string[]): Promise<readonly PublishedRows[]>;
  /** The same at once; undefined where that would cost more than a moment: many, long or old records. */
  lastSync(table: string, syms: readonly string[]): readonly PublishedRows[] | undefined;
  /**
   * Sets who says what must be kept, whatever the retention: the time (milliseconds since 1970) from which on every row may still be
   * asked for, undefined while none may. Asked at once and whenever old segments would be removed; until it is set, what the
   * retention says is removed.
   */
  retain(neededFrom: () => number | undefined): void;
  /** The trading day, `2026-11-20`, whose segment is written to. */
  readonly day: string;
  /** Ends the day's segment and begins the next. */
  roll(date: string): void;
  /** Resolves when all that was appended is on the disk. */
  sync(): Promise<void>;
}
