/**
 * A column's type, by kdb+'s names. In memory and on the wire a value has one form: `timestamp` an ISO 8601 text in UTC with
 * up to nine fraction digits, `2026-11-20T14:30:00.123Z` · `timespan` kdb+'s text `0D14:30:00.123456789` · `date`
 * `2026-11-20` · `symbol` and `string` text · `float` and `real` a finite number · `long` a whole number, a bigint beyond
 * 2^53 · `int`, `short` a whole number · `boolean`. An absent value is null, of any type but the symbol of a row.
 */
export type ColumnType = 'timestamp' | 'timespan' | 'date' | 'symbol' | 'string' | 'float' | 'real' | 'long' | 'int' | 'short' | 'boolean';

/** A value in its one form (see {@link ColumnType}). */
export type Value = string | number | bigint | boolean | null;

/** A row: its values in the schema's column order. */
export type Row = readonly Value[];

/** A column of a table. */
export interface Column {
  readonly name: string;
  readonly type: ColumnType;
}

/** A table's name and columns; the first two are `time` (timespan or timestamp) and `sym` (symbol), as in kdb+ tick. */
export interface TableSchema {
  readonly name: string;
  readonly columns: readonly Column[];
}

/** What every pricing promises: how long a row may still be asked for after it was published, milliseconds. */
interface ReplayWindow {
  readonly replayMs: number;
}

/** So many msat per symbol, once, for `lastsMs` milliseconds from the payment, or until the next end of day. */
export interface FlatPricing extends ReplayWindow {
  readonly kind: 'flat';
  readonly msat: bigint;
  readonly lastsMs: number | 'day';
}

/**
 * So many msat per symbol and period of `perMs`. A renewal is offered `renewBeforeMs` before the end and goes on from that end,
 * however early it is paid; rows go on for `graceMs` beyond it, which a renewal within that time pays for.
 */
export interface TimePricing extends ReplayWindow {
  readonly kind: 'time';
  readonly msat: bigint;
  readonly perMs: number;
  readonly renewBeforeMs: number;
  readonly graceMs: number;
}

/**
 * So many msat per row, from a balance that is paid beforehand: `prepayMsat` per symbol with each quote. A top-up is offered when
 * less than `topUpBelowMsat` per symbol is left. The symbols stay granted for `lastsMs` from the last payment; a balance does not end.
 */
export interface TickPricing extends ReplayWindow {
  readonly kind: 'tick';
  readonly msat: bigint;
  readonly prepayMsat: bigint;
  readonly topUpBelowMsat: bigint;
  readonly lastsMs: number;
}

/** What rows cost. */
export type Pricing = FlatPricing | TimePricing | TickPricing;

/** A table as the seller defines it. */
export interface TableDefinition extends TableSchema {
  /** The symbols on sale; undefined: those that the feed declares or publishes. */
  readonly symbols: readonly string[] | undefined;
  /** One, or several of different kinds that a buyer may choose from; the first where none is asked for. */
  readonly pricing: Pricing | readonly [Pricing, ...Pricing[]];
}
