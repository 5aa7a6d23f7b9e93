import type { Clock } from '../ports/clock.ts';
import type { Feed } from '../ports/feed.ts';
import type { Logger } from '../ports/logger.ts';
import type { Catalog } from './catalog.ts';
import { TickerplantError } from './errors.ts';
import type { Publisher } from './publisher.ts';
import type { Row } from './schema.ts';

/** What feeds are published through. */
export interface FeedRunnerDependencies {
  readonly catalog: Catalog;
  readonly publisher: Publisher;
  readonly clock: Clock;
  readonly logger: Logger;
}

const JOURNAL_RETRY_MS = 1_000;

/** Publishes what feeds bring; while the journal can't be written a feed waits. */
export class FeedRunner {
  readonly #dependencies: FeedRunnerDependencies;

  constructor(dependencies: FeedRunnerDependencies) {
    this.#dependencies = dependencies;
  }

  /** Until the feed ends or the signal is aborted. @throws FeedError, and TickerplantError for rows of an unknown table or symbol. */
  async run(feed: Feed, signal: AbortSignal): Promise<void> {
    await this.declareSymbols(feed, signal);
    for await (const { table, rows } of feed.batches(signal)) {
      await this.#publishWhenPossible(table, rows, signal);
      if (signal.aborted) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Puts on sale the symbols that a feed knows beforehand, for the tables that take theirs from it. */
  async declareSymbols(feed: Feed, signal?: AbortSignal): Promise<void> {
    const { catalog } = this.#dependencies;
    for (const { name, symbols } of catalog.tables()) {
      if (symbols === undefined) catalog.declare(name, (await feed.symbols(name, signal)) ?? []);
    }
  }

  async #publishWhenPossible(table: string, rows: readonly Row[], signal: AbortSignal): Promise<void> {
    const { publisher, clock, logger } = this.#dependencies;
    while (!signal.aborted) {
      try {
        publisher.publish(table, rows);
        return;
      } catch (error) {
        if (!(error instanceof TickerplantError && error.code === 'JOURNAL_UNAVAILABLE')) throw error;
        logger.error({ err: error }, 'publishing has stopped until the journal can be written again');
        await clock.sleep(JOURNAL_RETRY_MS, signal).catch(() => undefined);
      }
    }
  }
}
