import type { Row } from '../tickerplant/schema.ts';

/** Rows of one table, in order. */
export interface FeedBatch {
  readonly table: string;
  readonly rows: readonly Row[];
}

/** What a feed says of itself when it has ended, and while it runs. */
export interface FeedCounts {
  readonly rows: number;
  /** Rows left out because they were bad, where the option says so. */
  readonly badRows: number;
}

/** Where rows come from. */
export interface Feed extends AsyncDisposable {
  /** The symbols it will bring for a table, where it can know beforehand (a file is scanned); else undefined. */
  symbols(table: string, signal?: AbortSignal): Promise<readonly string[] | undefined>;
  /** The rows, until the source ends or the signal is aborted. @throws FeedError naming source, line and column. */
  batches(signal?: AbortSignal): AsyncIterable<FeedBatch>;
  readonly counts: FeedCounts;
}
