import type { Clock } from '../core/ports/clock.ts';
import type { Feed, FeedBatch, FeedCounts } from '../core/ports/feed.ts';
import type { Logger } from '../core/ports/logger.ts';
import type { Row, TableDefinition } from '../core/tickerplant/schema.ts';
import type { ByteSource } from './bytes.ts';
import { type ColumnMapping, parseColumnMapping } from './column-mapping.ts';
import type { RowOptions, TextFormat } from './config.ts';
import { csvRecords } from './csv-records.ts';
import { FeedError } from './errors.ts';
import { ndjsonRecords } from './ndjson-records.ts';
import { paced } from './pacing.ts';
import type { ReadOptions, RecordBatch } from './records.ts';
import { RowMapper } from './row-mapper.ts';

const MAX_BATCH = 500;
/** Each bad row up to here is logged; later ones are only counted. */
const MAX_LOGGED = 10;
const MAX_SYMBOLS = 100_000;

/** How a {@link TextFeed} reads. */
export interface TextFeedOptions extends Omit<RowOptions, 'table'> {
  readonly source: ByteSource;
  readonly format: TextFormat;
  readonly read: ReadOptions;
  readonly table: TableDefinition;
  /** Whether the source can be opened again and again: then its symbols are found beforehand. */
  readonly repeatable: boolean;
  /** Times as fast as the rows' own times; undefined: as fast as they are taken. */
  readonly speed: number | undefined;
  readonly loop: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The records of a source. */
export function recordsOf(
  source: ByteSource,
  format: TextFormat,
  read: ReadOptions,
  signal: AbortSignal,
): AsyncGenerator<RecordBatch, void, undefined> {
  const bytes = source.open(signal);
  return format === 'csv' ? csvRecords(bytes, source.name, read) : ndjsonRecords(bytes);
}

/** Rows of CSV or NDJSON, in their order. */
export class TextFeed implements Feed {
  readonly #options: TextFeedOptions;
  readonly #mapping: ColumnMapping;
  readonly #disposed: AbortController = new AbortController();
  #rows = 0;
  #badRows = 0;

  /** @throws Error for a mapping that can't be read. */
  constructor(options: TextFeedOptions) {
    this.#options = options;
    this.#mapping = parseColumnMapping(options.columns);
  }

  get counts(): FeedCounts {
    return { rows: this.#rows, badRows: this.#badRows };
  }

  /**
   * Reads the source through for its symbols, in order of appearance; standard input: undefined, but for a constant.
   * @throws FeedError as `batches`, but for bad rows; `TOO_MANY_SYMBOLS` over 100,000.
   */
  async symbols(table: string, signal?: AbortSignal): Promise<readonly string[] | undefined> {
    const { source, repeatable } = this.#options;
    if (table !== this.#options.table.name) return [];
    const constant = this.#mapping.get('sym');
    if (constant?.kind === 'constant') return [constant.text];
    if (!repeatable) return undefined;
    const stop = this.#signal(signal);
    const symbols = new Set<string>();
    let mapper: RowMapper | undefined;
    for await (const { header, records } of this.#records(stop)) {
      if (records.length > 0) mapper ??= this.#mapper(header);
      for (const record of records) {
        const symbol = mapper?.symbol(record);
        if (symbol !== undefined) symbols.add(symbol);
      }
      if (symbols.size > MAX_SYMBOLS) {
        throw new FeedError(
          'TOO_MANY_SYMBOLS',
          { source: source.name },
          `has more than ${MAX_SYMBOLS} symbols: is sym mapped to the right column?`,
        );
      }
    }
    return [...symbols];
  }

  /** @throws FeedError, after all rows before the fault were yielded. */
  async *batches(signal?: AbortSignal): AsyncGenerator<FeedBatch, void, undefined> {
    const { table, speed, clock, logger, source } = this.#options;
    const stop = this.#signal(signal);
    const rows = this.#passes(stop);
    try {
      for await (const batch of speed === undefined ? rows : paced(rows, table, speed, clock, stop)) {
        if (stop.aborted) return;
        this.#rows += batch.length;
        yield { table: table.name, rows: batch };
      }
      logger.info({ source: source.name, ...this.counts }, 'feed ended');
    } catch (error) {
      if (!stop.aborted) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed.abort();
  }

  async *#passes(signal: AbortSignal): AsyncGenerator<readonly Row[], void, undefined> {
    let found: boolean;
    do {
      found = false;
      for await (const rows of this.#pass(signal)) {
        found = true;
        yield rows;
      }
    } while (this.#options.loop && found && !signal.aborted);
  }

  async *#pass(signal: AbortSignal): AsyncGenerator<readonly Row[], void, undefined> {
    let mapper: RowMapper | undefined;
    for await (const { header, records } of this.#records(signal)) {
      // Made before the first row is there, so that a mapping that can't work is told at once.
      if (header !== undefined || records.length > 0) mapper ??= this.#mapper(header);
      let rows: Row[] = [];
      for (const record of records) {
        let row: Row | undefined;
        try {
          row = mapper?.row(record);
        } catch (error) {
          if (rows.length > 0 && this.#options.onBadRow === 'stop') yield rows;
          this.#bad(error);
        }
        if (row !== undefined) rows.push(row);
        if (rows.length === MAX_BATCH) {
          yield rows;
          rows = [];
        }
      }
      if (rows.length > 0) yield rows;
    }
  }

  #bad(error: unknown): void {
    const { onBadRow, logger, source } = this.#options;
    if (!(error instanceof FeedError) || error.code !== 'BAD_ROW' || onBadRow === 'stop') throw error;
    this.#badRows++;
    if (this.#badRows > MAX_LOGGED) return;
    logger.warn({ source: source.name, line: error.place.line, column: error.place.column, problem: error.message }, 'bad row left out');
    if (this.#badRows === MAX_LOGGED) logger.warn({ source: source.name }, 'further bad rows are only counted');
  }

  #records(signal: AbortSignal): AsyncGenerator<RecordBatch, void, undefined> {
    const { source, format, read } = this.#options;
    return recordsOf(source, format, read, signal);
  }

  #mapper(header: readonly string[] | undefined): RowMapper {
    const { source, table, extraColumns, timeFormat, clock } = this.#options;
    return new RowMapper({ source: source.name, table, mapping: this.#mapping, extraColumns, timeFormat, now: () => clock.now() }, header);
  }

  #signal(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#disposed.signal : AbortSignal.any([signal, this.#disposed.signal]);
  }
}
