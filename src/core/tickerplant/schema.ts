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

/** What rows cost. `flat`: so many msat per symbol, for `lastsMs` milliseconds from the payment. */
export interface FlatPricing {
  readonly kind: 'flat';
  readonly msat: bigint;
  readonly lastsMs: number;
}

/** How a table is priced. */
export type Pricing = FlatPricing;

/** A table as the seller defines it. */
export interface TableDefinition extends TableSchema {
  /** The symbols on sale; undefined: those that the feed declares or publishes. */
  readonly symbols: readonly string[] | undefined;
  readonly pricing: Pricing;
}
