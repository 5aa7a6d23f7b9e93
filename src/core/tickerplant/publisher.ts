import { type Journal, JournalError } from '../ports/journal.ts';
import type { Catalog } from './catalog.ts';
import { TickerplantError } from './errors.ts';
import { PublishedRows } from './published-rows.ts';
import { RecentRecords } from './recent-records.ts';
import type { Row } from './schema.ts';
import { encodeRows } from './values.ts';

/** Takes rows of the symbols that it has joined for, within the publishing turn. */
export interface RowReceiver {
  rows(rows: PublishedRows): void;
}

/** Table → symbol → the number that its next row had at some moment. */
export type Marks = ReadonlyMap<string, ReadonlyMap<string, number>>;

const NOBODY: ReadonlySet<RowReceiver> = new Set();

/**
 * Numbers rows, writes them to the journal, then hands them to whoever has joined their symbol: publishing costs by who
 * matches, not by who is there.
 */
export class Publisher {
  readonly #journal: Journal;
  readonly #catalog: Catalog;
  readonly #next = new Map<string, Map<string, number>>();
  readonly #receivers = new Map<string, Map<string, Set<RowReceiver>>>();
  /** What receivers are being handed, or were lately. */
  readonly recent: RecentRecords = new RecentRecords();
  #published = 0;
  #delivered = 0;
  #isRecording = true;

  constructor(journal: Journal, catalog: Catalog) {
    this.#journal = journal;
    this.#catalog = catalog;
    for (const [table, seqs] of journal.lastSeqs) {
      this.#next.set(table, new Map([...seqs].map(([sym, last]) => [sym, last + 1])));
    }
  }

  /** Rows published since the start. */
  get published(): number {
    return this.#published;
  }

  /** Rows handed to receivers since the start, each receiver counted; those that came from the journal as they were {@link replayed}. */
  get delivered(): number {
    return this.#delivered;
  }

  /** So many rows were handed to a receiver from the journal. */
  replayed(count: number): void {
    this.#delivered += count;
  }

  /** False from a journal's failure until it takes rows again. */
  get isRecording(): boolean {
    return this.#isRecording;
  }

  /** The number that a symbol's next row will have; 1 for its first in the epoch. */
  next(table: string, sym: string): number {
    return this.#next.get(table)?.get(sym) ?? 1;
  }

  /** Where numbering stands now, for every symbol that has rows. */
  marks(): Marks {
    return new Map([...this.#next].map(([table, syms]) => [table, new Map(syms)]));
  }

  /**
   * Publishes rows that are in their one form already (see `coerceRow`), all or none.
   * @throws TickerplantError `UNKNOWN_TABLE`, `UNKNOWN_SYMBOL`, `JOURNAL_UNAVAILABLE`.
   */
  publish(table: string, rows: readonly Row[]): void {
    if (rows.length === 0) return;
    const bySymbol = groupBySymbol(rows);
    this.#catalog.declare(table, bySymbol.keys());
    const next = entry(this.#next, table);
    const records: PublishedRows[] = [];
    for (const [sym, group] of bySymbol) {
      records.push(new PublishedRows(table, sym, this.#journal.epoch, next.get(sym) ?? 1, group.length, encodeRows(group), group));
    }
    this.#record(records);
    for (const record of records) next.set(record.sym, record.seq + record.count);
    this.#published += rows.length;
    this.#fanOut(table, records);
  }

  /** From now on, `receiver` gets every row of the symbol. */
  join(table: string, sym: string, receiver: RowReceiver): void {
    const symbols = entry(this.#receivers, table);
    const receivers = symbols.get(sym);
    if (receivers === undefined) symbols.set(sym, new Set([receiver]));
    else receivers.add(receiver);
  }

  /** `receiver` gets no more rows of the symbol. */
  leave(table: string, sym: string, receiver: RowReceiver): void {
    const symbols = this.#receivers.get(table);
    const receivers = symbols?.get(sym);
    if (receivers === undefined) return;
    receivers.delete(receiver);
    if (receivers.size === 0) symbols?.delete(sym);
  }

  #record(records: readonly PublishedRows[]): void {
    try {
      this.#journal.append(records);
      this.#isRecording = true;
    } catch (error) {
      this.#isRecording = false;
      if (!(error instanceof JournalError)) throw error;
      throw new TickerplantError('JOURNAL_UNAVAILABLE', `nothing is published: ${error.message}`, { cause: error });
    }
  }

  #fanOut(table: string, records: readonly PublishedRows[]): void {
    const symbols = this.#receivers.get(table);
    if (symbols === undefined) return;
    for (const record of records) {
      const receivers = symbols.get(record.sym) ?? NOBODY;
      if (receivers.size > 0) this.recent.add(table, record.sym, record.seq, record.count);
      for (const receiver of receivers) receiver.rows(record);
      this.#delivered += receivers.size * record.count;
    }
  }
}

/** Rows by the symbol in their second column; the order within a symbol stays. */
function groupBySymbol(rows: readonly Row[]): ReadonlyMap<string, readonly Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const sym = row[1] as string;
    const group = groups.get(sym);
    if (group === undefined) groups.set(sym, [row]);
    else group.push(row);
  }
  return groups;
}

/** The inner map of a key, made where there is none. */
function entry<Key, Value>(maps: Map<string, Map<Key, Value>>, key: string): Map<Key, Value> {
  const known = maps.get(key);
  if (known !== undefined) return known;
  const made = new Map<Key, Value>();
  maps.set(key, made);
  return made;
}
