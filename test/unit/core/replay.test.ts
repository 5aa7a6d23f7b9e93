import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/app/system.ts';
import { type Journal, JournalError } from '../../../src/core/ports/journal.ts';
import type { SubscriptionRecord } from '../../../src/core/ports/ledger.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { Catalog } from '../../../src/core/tickerplant/catalog.ts';
import type { GapEvent } from '../../../src/core/tickerplant/messages.ts';
import type { PublishedRows } from '../../../src/core/tickerplant/published-rows.ts';
import { Publisher } from '../../../src/core/tickerplant/publisher.ts';
import { Session } from '../../../src/core/tickerplant/session.ts';
import { openJournal } from '../../../src/storage/journal/open-journal.ts';
import { TRADE } from '../../contract/tickerplant-flow/server.ts';
import { flatGrant, flatSessionParts, QuietSink, recordWith } from './support/session-parts.ts';

const SYMBOLS = ['AAPL', 'GOOGL', 'MSFT'];
const FOREVER = systemClock.now() + 1e9;

async function withJournal(use: (journal: Journal) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(path.join(tmpdir(), 'tickerplant-replay-'));
  const journal = await openJournal({ dir, clock: systemClock, logger: silentLogger });
  try {
    await use(journal);
  } finally {
    await journal[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  }
}

function recordOf(next: Readonly<Record<string, number>>, epoch = 1): SubscriptionRecord {
  return recordWith([flatGrant(Object.keys(next), FOREVER, { epoch, next })]);
}

/** A sink that keeps what it gets and takes its time whenever it is asked to drain. */
function slowSink(pauses: () => number) {
  const numbers = new Map<string, number[]>();
  const gaps: GapEvent[] = [];
  const sink = Object.assign(new QuietSink(), {
    rows(rows: PublishedRows) {
      const known = numbers.get(rows.sym) ?? [];
      for (let index = 0; index < rows.count; index += 1) known.push(rows.seq + index);
      expect(rows.rows).toHaveLength(rows.count);
      numbers.set(rows.sym, known);
    },
    gap: (event: GapEvent) => void gaps.push(event),
    async drained() {
      for (let turns = pauses(); turns > 0; turns -= 1) await new Promise((resolve) => setImmediate(resolve));
    },
  });
  return { sink, numbers, gaps };
}

function rowsOf(sym: string, count: number) {
  return Array.from({ length: count }, (_each, index) => ['2026-11-20T14:30:00.000Z', sym, index, 'x'.repeat(40).length] as const);
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function run(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_each, index) => from + index);
}

test('at any speed of publishing, a resume has neither gap nor repeat at the seam', { timeout: 120_000 }, async () => {
  const cases = fc.record({
    before: fc.integer({ min: 0, max: 6_000 }),
    batch: fc.integer({ min: 1, max: 200 }),
    turns: fc.integer({ min: 1, max: 60 }),
    after: fc.array(fc.integer({ min: 0, max: 7_000 }), { minLength: 3, maxLength: 3 }),
    pauses: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 8 }),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ before, batch, turns, after, pauses }) => {
      await withJournal(async (journal) => {
        const catalog = new Catalog([TRADE]);
        const publisher = new Publisher(journal, catalog);
        for (let done = 0; done < before; done += batch) {
          for (const sym of SYMBOLS) publisher.publish('trade', rowsOf(sym, Math.min(batch, before - done)));
        }
        let pause = 0;
        const { sink, numbers, gaps } = slowSink(() => pauses[pause++ % pauses.length] ?? 0);
        const session = new Session(
          recordOf({ AAPL: 1, GOOGL: 1, MSFT: 1 }),
          sink,
          flatSessionParts({ publisher, journal, catalog, clock: systemClock }),
        );
        const seqs = Object.fromEntries(SYMBOLS.map((sym, index) => [sym, after[index] ?? 0]));
        const last = before;
        session.resume({ trade: { epoch: 1, seqs } });
        for (let index = 0; index < turns; index += 1) {
          for (const sym of SYMBOLS) publisher.publish('trade', rowsOf(sym, batch));
          await turn();
        }
        const end = publisher.next('trade', 'AAPL') - 1;
        await expect.poll(() => SYMBOLS.every((sym) => (numbers.get(sym)?.at(-1) ?? 0) === end), { timeout: 10_000 }).toBe(true);
        for (const sym of SYMBOLS) expect(numbers.get(sym)).toEqual(run(Math.min(seqs[sym] ?? 0, last) + 1, end));
        expect(gaps).toEqual([]);
        session.close();
      });
    }),
    { numRuns: 25 },
  );
});

test('a grant of the present epoch is delivered from its first number', async () => {
  await withJournal(async (journal) => {
    const catalog = new Catalog([TRADE]);
    const publisher = new Publisher(journal, catalog);
    publisher.publish('trade', rowsOf('AAPL', 10));
    const { sink, numbers } = slowSink(() => 0);
    const session = new Session(recordOf({ AAPL: 4 }), sink, flatSessionParts({ publisher, journal, catalog, clock: systemClock }));
    session.resume({});
    await expect.poll(() => numbers.get('AAPL')).toEqual(run(4, 10));
    session.close();
  });
});

test('a position from before the grant does not give what was not paid for', async () => {
  await withJournal(async (journal) => {
    const catalog = new Catalog([TRADE]);
    const publisher = new Publisher(journal, catalog);
    publisher.publish('trade', rowsOf('AAPL', 10));
    const { sink, numbers } = slowSink(() => 0);
    const session = new Session(recordOf({ AAPL: 8 }), sink, flatSessionParts({ publisher, journal, catalog, clock: systemClock }));
    session.resume({ trade: { epoch: 1, seqs: { AAPL: 2 } } });
    await expect.poll(() => numbers.get('AAPL')).toEqual(run(8, 10));
    session.close();
  });
});

test('a resume from another epoch is told the gap, then has the present one from its first row', async () => {
  await withJournal(async (journal) => {
    const catalog = new Catalog([TRADE]);
    const publisher = new Publisher(journal, catalog);
    publisher.publish('trade', rowsOf('AAPL', 3));
    const { sink, numbers, gaps } = slowSink(() => 0);
    const session = new Session(recordOf({ AAPL: 70 }, 0), sink, flatSessionParts({ publisher, journal, catalog, clock: systemClock }));
    session.resume({ trade: { epoch: 0, seqs: { AAPL: 90 } } });
    await expect.poll(() => numbers.get('AAPL')).toEqual(run(1, 3));
    expect(gaps).toEqual([{ table: 'trade', sym: 'AAPL', epoch: 0, from: 91, to: undefined, reason: 'epoch' }]);
    session.close();
  });
});

test('a position that was made up does not skip rows to come', async () => {
  await withJournal(async (journal) => {
    const catalog = new Catalog([TRADE]);
    const publisher = new Publisher(journal, catalog);
    publisher.publish('trade', rowsOf('AAPL', 3));
    const { sink, numbers } = slowSink(() => 0);
    const session = new Session(recordOf({ AAPL: 1 }), sink, flatSessionParts({ publisher, journal, catalog, clock: systemClock }));
    session.resume({ trade: { epoch: 1, seqs: { AAPL: 1_000_000 } } });
    publisher.publish('trade', rowsOf('AAPL', 2));
    expect(numbers.get('AAPL')).toEqual([4, 5]);
    session.close();
  });
});

test('a journal that can not be written publishes nothing, and no number is lost when it can again', async () => {
  await withJournal(async (journal) => {
    let full = true;
    const failing: Journal = new Proxy(journal, {
      get(target, name) {
        if (name === 'append' && full) {
          return () => {
            throw new JournalError('FULL', 'no space left on the disk');
          };
        }
        const value = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const publisher = new Publisher(failing, new Catalog([TRADE]));
    const { sink, numbers } = slowSink(() => 0);
    publisher.join('trade', 'AAPL', sink);
    expect(() => publisher.publish('trade', rowsOf('AAPL', 2))).toThrow(expect.objectContaining({ code: 'JOURNAL_UNAVAILABLE' }));
    expect(numbers.size).toBe(0);
    expect(publisher.published).toBe(0);
    full = false;
    publisher.publish('trade', rowsOf('AAPL', 2));
    expect(numbers.get('AAPL')).toEqual([1, 2]);
  });
});

test('publishing visits who matches, not who is there', async () => {
  await withJournal(async (journal) => {
    const publisher = new Publisher(journal, new Catalog([{ ...TRADE, symbols: undefined }]));
    let visits = 0;
    for (let index = 0; index < 10_000; index += 1) publisher.join('trade', `S${index}`, { rows: () => (visits += 1) });
    publisher.publish('trade', rowsOf('S42', 1));
    expect(visits).toBe(1);
  });
});
