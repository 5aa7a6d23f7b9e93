import { silentLogger } from '../core/ports/logger.ts';
import { createFeed } from '../feed/create-feed.ts';
import { ConfigError } from './config/errors.ts';
import type { BaseConfig } from './config/parse.ts';
import { systemClock, systemRandom } from './system.ts';

/** Whether the feed goes together with the tables; nothing is opened. @throws ConfigError. */
export function checkFeed({ source, feed, tables }: BaseConfig): void {
  if (feed === undefined) return;
  try {
    createFeed(feed, { tables, clock: systemClock, random: systemRandom, logger: silentLogger });
  } catch (error) {
    throw new ConfigError(source, [{ path: 'feed', at: undefined, message: (error as Error).message }]);
  }
}
