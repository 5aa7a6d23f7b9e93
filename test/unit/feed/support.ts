import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { Clock } from '../../../src/core/ports/clock.ts';
import type { Feed } from '../../../src/core/ports/feed.ts';
import { type LogFields, type Logger, silentLogger } from '../../../src/core/ports/logger.ts';
import type { ColumnType, Row, TableDefinition } from '../../../src/core/tickerplant/schema.ts';
import { schemaOf } from '../../../src/core/tickerplant/values.ts';
import { feedConfigSchema } from '../../../src/feed/config.ts';
import { createFeed } from '../../../src/feed/create-feed.ts';

/** A clock that jumps to where it is asked to sleep, and remembers what it was asked. */
export class JumpingClock implements Clock {
  time: number = Date.UTC(2026, 0, 1);
  readonly sleeps: number[] = [];

  now(): number {
    return this.time;
  }

  setTimer(): Disposable {
    throw new Error('feeds sleep, they set no timers');
  }

  async sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.sleeps.push(delayMs);
    this.time += delayMs;
  }
}

/** What was logged at `warn`. */
export class WarningLog implements Logger {
  readonly warnings: LogFields[] = [];

  warn(fields: LogFields): void {
    this.warnings.push(fields);
  }

  debug(): void {}

  info(): void {}

  error(): void {}

  child(): Logger {
    return this;
  }
}

export function table(name: string, columns: Readonly<Record<string, ColumnType>>, symbols?: readonly string[]): TableDefinition {
  return { ...schemaOf(name, columns), symbols, pricing: { kind: 'flat', msat: 100_000n, lastsMs: 86_400_000, replayMs: 86_400_000 } };
}

export const trade: TableDefinition = table('trade', { time: 'timestamp', sym: 'symbol', price: 'float', size: 'long' });

export function fixture(name: string): string {
  return fileURLToPath(new URL(`../../fixtures/feed/${name}`, import.meta.url));
}

/** A file of this test's own. */
export async function fileOf(name: string, content: string | Uint8Array): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'feed-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  await writeFile(join(dir, name), content);
  return join(dir, name);
}

/** A feed as a config file would make it. */
export function feedOf(
  config: unknown,
  options: { tables?: readonly TableDefinition[]; clock?: Clock; logger?: Logger; stdin?: Readable } = {},
): Feed {
  const { tables = [trade], clock = new JumpingClock(), logger = silentLogger, stdin } = options;
  const random = { bytes: (length: number) => randomBytes(length) };
  return createFeed(feedConfigSchema.parse(config), { tables, clock, random, logger, ...(stdin === undefined ? {} : { stdin }) });
}

/** All rows of a feed, or the first so many. */
export async function rowsOf(feed: Feed, limit: number = Number.POSITIVE_INFINITY): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const batch of feed.batches()) {
    rows.push(...batch.rows);
    if (rows.length >= limit) break;
  }
  return rows.slice(0, limit);
}
