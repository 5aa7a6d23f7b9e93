import type { Readable } from 'node:stream';
import type { Clock } from '../core/ports/clock.ts';
import type { Feed } from '../core/ports/feed.ts';
import type { Logger } from '../core/ports/logger.ts';
import type { Random } from '../core/ports/random.ts';
import type { TableDefinition } from '../core/tickerplant/schema.ts';
import { fileSource, streamSource } from './bytes.ts';
import type { FeedConfig } from './config.ts';
import { KdbFeed } from './kdb/kdb-feed.ts';
import { RandomFeed } from './random-feed.ts';
import { delimiterOf, formatOf } from './records.ts';
import { tableFor } from './tables.ts';
import { TextFeed } from './text-feed.ts';

/** What every feed is handed. */
export interface FeedDependencies {
  readonly tables: readonly TableDefinition[];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** For `stdin`; default: the process's own. */
  readonly stdin?: Readable;
}

/**
 * Makes the feed of a configuration. Nothing is opened yet.
 * @throws FeedError `CONFIG` where tables, symbols or the file's name don't go together with it.
 */
export function createFeed(config: FeedConfig, { tables, clock, random, logger, stdin }: FeedDependencies): Feed {
  switch (config.kind) {
    case 'random': {
      const table = tableFor(tables, config.table, 'feed random', 'trade');
      return new RandomFeed(config, table, config.seed ?? Buffer.from(random.bytes(4)).readUInt32LE(), clock);
    }
    case 'replay':
      return new TextFeed({
        ...config,
        source: fileSource(config.file, config.gzip),
        format: config.format ?? formatOf(config.file),
        read: { delimiter: config.delimiter ?? delimiterOf(config.file), lenientQuotes: config.onBadRow === 'count' },
        table: tableFor(tables, config.table, config.file),
        repeatable: true,
        speed: config.speed === 'full' ? undefined : config.speed === 'original' ? 1 : config.speed,
        loop: config.atEnd === 'loop',
        clock,
        logger,
      });
    case 'kdb': {
      const named = config.tables?.map((name) => tableFor(tables, name, 'feed kdb')) ?? tables;
      return new KdbFeed(config, named, { clock, logger });
    }
    case 'stdin':
      return new TextFeed({
        ...config,
        source: streamSource('stdin', stdin ?? process.stdin, config.gzip),
        read: { delimiter: config.delimiter ?? ',', lenientQuotes: config.onBadRow === 'count' },
        table: tableFor(tables, config.table, 'stdin'),
        repeatable: false,
        speed: undefined,
        loop: false,
        clock,
        logger,
      });
  }
}
