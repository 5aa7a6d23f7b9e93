import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/app/system.ts';
import type { Grant } from '../../../src/core/ports/ledger.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { Catalog } from '../../../src/core/tickerplant/catalog.ts';
import type { PublishedRows } from '../../../src/core/tickerplant/published-rows.ts';
import { Publisher } from '../../../src/core/tickerplant/publisher.ts';
import { Session } from '../../../src/core/tickerplant/session.ts';
import { openJournal } from '../../../src/storage/journal/open-journal.ts';
import { TRADE } from '../../contract/tickerplant-flow/server.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { flatGrant, flatSessionParts, QuietSink, recordWith } from './support/session-parts.ts';

/** An outlet that is full, or stuck, as the test says. */
class Outlet extends QuietSink {
  readonly got: PublishedRows[] = [];
  readonly ended: string[] = [];
  full = false;
  gate: PromiseWithResolvers<void> | undefined;

  override get isFull(): boolean {
    return this.full;
  }

  override rows(rows: PublishedRows): void {
    this.got.push(rows);
  }

  override async drained(): Promise<void> {
    await this.gate?.promise;
  }

  override expired({ quote }: { readonly quote: string }): void {
    this.ended.push(quote);
  }

  numbers(sym: string): readonly number[] {
    return this.got.filter((rows) => rows.sym === sym).flatMap((rows) => Array.from({ length: rows.count }, (_, at) => rows.seq + at));
  }
}

const NOW = 1_000_000;

/** Time goes on before its timers are heard of, as behind a long turn. */
class LateClock extends ManualClock {
  lateMs = 0;

  override now(): number {
    return super.now() + this.lateMs;
  }
}

function grant(quote: string, syms: readonly string[], until: number): Grant {
  return flatGrant(syms, until, { id: quote, quote });
}

/** A session with these grants over a real journal. */
async function openSession(grants: readonly Grant[]) {
  const dir = await mkdtemp(path.join(tmpdir(), 'tickerplant-session-'));
  const journal = await openJournal({ dir, clock: systemClock, logger: silentLogger });
  const catalog = new Catalog([TRADE]);
  const publisher = new Publisher(journal, catalog);
  const clock = new LateClock(NOW);
  const outlet = new Outlet();
  const session = new Session(recordWith(grants), outlet, flatSessionParts({ publisher, journal, catalog, clock }));
  return {
    session,
    outlet,
    publisher,
    clock,
    publish(sym: string, count: number): void {
      publisher.publish(
        'trade',
        Array.from({ length: count }, (_, at) => ['2026-11-20T14:30:00.000Z', sym, at, 1]),
      );
    },
    async [Symbol.asyncDispose]() {
      session.close();
      await journal[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

test('a session that has been closed takes nothing again', async () => {
  await using opened = await openSession([grant('q', ['AAPL'], NOW + 1_000)]);
  const { session, outlet, publish } = opened;
  session.resume({});
  session.stop('trade', ['AAPL']);
  session.close();
  expect(session.takeAgain('trade', ['AAPL'])).toEqual([]);
  publish('AAPL', 1);
  expect(outlet.got).toEqual([]);
  expect(session.isActive).toBe(false);
});

test('a grant that ends while another one begins is ended and told all the same', async () => {
  await using opened = await openSession([grant('first', ['AAPL'], NOW + 10)]);
  const { session, outlet, clock, publish } = opened;
  session.resume({});
  publish('AAPL', 1);
  // Its time is over, and the payment is heard of before the timer is.
  clock.lateMs = 20;
  session.activate([grant('second', ['GOOGL'], NOW + 10_000)]);
  publish('AAPL', 1);
  publish('GOOGL', 1);
  expect(outlet.numbers('AAPL')).toEqual([1]);
  expect(outlet.numbers('GOOGL')).toEqual([1]);
  expect(outlet.ended).toEqual(['first']);
});

test('a replay that was broken off by an unsub does not go on beside the next one', async () => {
  await using opened = await openSession([grant('q', ['AAPL'], NOW + 1_000)]);
  const { session, outlet, publish } = opened;
  // More than a replay reads at a time.
  for (let batch = 0; batch < 60; batch += 1) publish('AAPL', 250);
  const stuck = Promise.withResolvers<void>();
  outlet.gate = stuck;
  session.resume({});
  await expect.poll(() => outlet.got.length).toBeGreaterThan(0);
  session.stop('trade', ['AAPL']);
  session.takeAgain('trade', ['AAPL']);
  outlet.full = true;
  for (let batch = 0; batch < 60; batch += 1) publish('AAPL', 250);
  outlet.full = false;
  outlet.gate = undefined;
  stuck.resolve();
  await expect.poll(() => outlet.numbers('AAPL').at(-1)).toBe(30_000);
  publish('AAPL', 1);
  await expect.poll(() => outlet.numbers('AAPL').at(-1)).toBe(30_001);
  const numbers = outlet.numbers('AAPL');
  expect(new Set(numbers).size).toBe(numbers.length);
});
