import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/app/system.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { Catalog } from '../../../src/core/tickerplant/catalog.ts';
import type { GapEvent } from '../../../src/core/tickerplant/messages.ts';
import type { PublishedRows } from '../../../src/core/tickerplant/published-rows.ts';
import { Publisher } from '../../../src/core/tickerplant/publisher.ts';
import type { SlowConsumerPolicy } from '../../../src/core/tickerplant/service.ts';
import { Session } from '../../../src/core/tickerplant/session.ts';
import { openJournal } from '../../../src/storage/journal/open-journal.ts';
import { TRADE } from '../../contract/tickerplant-flow/server.ts';
import { flatGrant, flatSessionParts, QuietSink, recordWith } from './support/session-parts.ts';

const SYMBOLS = ['AAPL', 'GOOGL'];

/** A reader that takes `perTurn` rows a turn, behind an outlet that is full from `limit` rows on. */
class SlowReader extends QuietSink {
  readonly got: PublishedRows[] = [];
  readonly gaps: GapEvent[] = [];
  readonly #limit: number;
  ended = false;
  most = 0;
  #waiting: PublishedRows[] = [];
  #waiters: (() => void)[] = [];

  constructor(limit: number) {
    super();
    this.#limit = limit;
  }

  override get isFull(): boolean {
    return this.#waiting.length >= this.#limit;
  }

  override rows(rows: PublishedRows): void {
    this.#waiting.push(rows);
    this.most = Math.max(this.most, this.#waiting.length);
  }

  override gap(event: GapEvent): void {
    this.gaps.push(event);
  }

  override async drained(): Promise<void> {
    if (this.#waiting.length > this.#limit / 2) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  override endSlow(): void {
    this.ended = true;
  }

  take(count: number): void {
    this.got.push(...this.#waiting.splice(0, count));
    if (this.#waiting.length > this.#limit / 2) return;
    for (const wake of this.#waiters.splice(0)) wake();
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#waiters.length === 0;
  }
}

const plan = fc.record({
  limit: fc.integer({ min: 1, max: 20 }),
  turns: fc.array(fc.record({ publish: fc.integer({ min: 0, max: 6 }), take: fc.integer({ min: 0, max: 6 }) }), {
    minLength: 1,
    maxLength: 60,
  }),
});

/** Publishes and reads as planned, then lets the reader take all that is left; answers what it saw and the last number of each symbol. */
async function play(policy: SlowConsumerPolicy, { limit, turns }: { limit: number; turns: { publish: number; take: number }[] }) {
  const dir = await mkdtemp(path.join(tmpdir(), 'tickerplant-slow-'));
  const journal = await openJournal({ dir, clock: systemClock, logger: silentLogger });
  try {
    const catalog = new Catalog([TRADE]);
    const publisher = new Publisher(journal, catalog);
    const reader = new SlowReader(limit);
    const next = { AAPL: 1, GOOGL: 1 };
    const until = systemClock.now() + 1e9;
    const parts = flatSessionParts({ publisher, journal, catalog, clock: systemClock, slowConsumer: policy });
    const session = new Session(recordWith([flatGrant(SYMBOLS, until, { next })]), reader, parts);
    session.resume({});
    const publish = (count: number) => {
      for (let index = 0; index < count; index += 1) {
        for (const sym of SYMBOLS) publisher.publish('trade', [['2026-11-20T14:30:00.000Z', sym, index, 1]]);
      }
    };
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    for (const step of turns) {
      publish(step.publish);
      reader.take(step.take);
      await turn();
    }
    const last = publisher.next('trade', 'AAPL') - 1;
    const caughtUp = () => {
      reader.take(1_000);
      return reader.isEmpty && SYMBOLS.every((sym) => lastOf(reader, sym) >= last);
    };
    await expect.poll(caughtUp, { interval: 1, timeout: 10_000 }).toBe(true);
    session.close();
    return { reader, last };
  } finally {
    await journal[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  }
}

function numbersOf(reader: SlowReader, sym: string): readonly number[] {
  return reader.got
    .filter((rows) => rows.sym === sym)
    .flatMap((rows) => Array.from({ length: rows.count }, (_each, index) => rows.seq + index));
}

function lastOf(reader: SlowReader, sym: string): number {
  const told = reader.gaps.filter((gap) => gap.sym === sym).map((gap) => gap.to ?? 0);
  return Math.max(0, ...numbersOf(reader, sym), ...told);
}

function run(to: number): number[] {
  return Array.from({ length: to }, (_each, index) => index + 1);
}

test('catching up, a slow reader loses nothing and gets nothing twice', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(plan, async (steps) => {
      const { reader, last } = await play('catch-up', steps);
      for (const sym of SYMBOLS) expect(numbersOf(reader, sym)).toEqual(run(last));
      expect(reader.gaps).toEqual([]);
    }),
    { numRuns: 40 },
  );
});

test('dropping, what it got and what it was told it misses are together every number once', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(plan, async (steps) => {
      const { reader, last } = await play('drop', steps);
      for (const sym of SYMBOLS) {
        const missed = reader.gaps.filter((gap) => gap.sym === sym).flatMap(({ from, to = 0 }) => run(to).slice(from - 1));
        expect([...numbersOf(reader, sym), ...missed].sort((a, b) => a - b)).toEqual(run(last));
      }
      for (const gap of reader.gaps) expect(gap.reason).toBe('slow-consumer');
    }),
    { numRuns: 40 },
  );
});

test('conflating, numbers only go up, a leap is marked, and the newest row is there', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(plan, async (steps) => {
      const { reader, last } = await play('conflate', steps);
      for (const sym of SYMBOLS) {
        let before = 0;
        for (const rows of reader.got.filter((each) => each.sym === sym)) {
          expect(rows.seq).toBeGreaterThan(before);
          if (rows.seq > before + 1) expect(rows.conflated).toBe(true);
          before = rows.seq + rows.count - 1;
        }
        expect(before).toBe(last);
      }
      expect(reader.gaps).toEqual([]);
    }),
    { numRuns: 40 },
  );
});

test('who wants to be disconnected is, at the first row that does not fit', async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'tickerplant-slow-'));
  const journal = await openJournal({ dir, clock: systemClock, logger: silentLogger });
  const catalog = new Catalog([TRADE]);
  const publisher = new Publisher(journal, catalog);
  const reader = new SlowReader(1);
  const parts = flatSessionParts({ publisher, journal, catalog, clock: systemClock, slowConsumer: 'disconnect' });
  const session = new Session(recordWith([flatGrant(['AAPL'], systemClock.now() + 1e9)]), reader, parts);
  session.resume({});
  publisher.publish('trade', [['2026-11-20T14:30:00.000Z', 'AAPL', 1, 1]]);
  expect(reader.ended).toBe(false);
  publisher.publish('trade', [['2026-11-20T14:30:00.000Z', 'AAPL', 2, 1]]);
  expect(reader.ended).toBe(true);
  session.close();
  await journal[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});
