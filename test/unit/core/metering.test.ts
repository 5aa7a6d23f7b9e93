import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BilledRanges, MOST_RANGES } from '../../../src/core/tickerplant/billed-ranges.ts';
import type { TickPricing } from '../../../src/core/tickerplant/schema.ts';
import { type Buyer, openWorld, turn } from './support/pricing-world.ts';

const DAY_MS = 86_400_000;
const CHEAP: TickPricing = { kind: 'tick', msat: 10n, prepayMsat: 130n, topUpBelowMsat: 30n, lastsMs: 30 * DAY_MS, replayMs: DAY_MS };
const DEAR: TickPricing = { ...CHEAP, msat: 70n, prepayMsat: 700n, topUpBelowMsat: 140n };

const numbers = fc.tuple(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 0, max: 12 }));

test('ranges of billed rows are what a set of numbers says', () => {
  fc.assert(
    fc.property(fc.array(numbers, { maxLength: 40 }), numbers, (added, [from, length]) => {
      const ranges = new BilledRanges();
      const model = new Set<number>();
      for (const [first, more] of added) {
        let fresh = 0;
        for (let number = first; number <= first + more; number += 1) {
          if (!model.has(number)) fresh += 1;
          model.add(number);
        }
        expect(ranges.add(first, first + more)).toBe(fresh);
      }
      let missing = 0;
      for (let number = from; number <= from + length; number += 1) {
        if (!model.has(number)) missing += 1;
        expect(ranges.has(number)).toBe(model.has(number));
      }
      expect(ranges.missing(from, from + length)).toBe(missing);
      expect(ranges.last).toBe(Math.max(0, ...model));
      const told = ranges.ranges().flatMap(([low, high]) => Array.from({ length: high - low + 1 }, (_each, at) => low + at));
      expect(told).toEqual([...model].sort((a, b) => a - b));
    }),
  );
});

test('beyond so many ranges the smallest hole is closed, for the buyer', () => {
  const ranges = new BilledRanges();
  for (let at = 0; at < MOST_RANGES; at += 1) ranges.add(10 * at + 1, 10 * at + 5);
  ranges.add(10 * MOST_RANGES - 2, 10 * MOST_RANGES - 2);
  expect(ranges.ranges()).toHaveLength(MOST_RANGES);
  expect(ranges.ranges().at(-1)).toEqual([10 * (MOST_RANGES - 1) + 1, 10 * MOST_RANGES - 2]);
});

const step = fc.oneof(
  fc.record({ do: fc.constant('publish' as const), table: fc.constantFrom('trade', 'quote'), count: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ do: fc.constantFrom('stuck' as const, 'free' as const, 'pay' as const, 'drop' as const, 'tick' as const) }),
  fc.record({ do: fc.constant('resume' as const), back: fc.integer({ min: 0, max: 12 }) }),
);

test('whatever is published, paid and dropped: each row that left was paid once, and none without', { timeout: 240_000 }, async () => {
  await using world = await openWorld({ trade: CHEAP, quote: DEAR });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const billable = new Map<string, Set<number>>();
      const keep = (buyer: Buyer) => {
        for (const record of buyer.outlet.departed) {
          const key = record.table;
          const known = billable.get(key) ?? new Set();
          for (let at = 0; at < record.count; at += 1) known.add(record.seq + at);
          billable.set(key, known);
        }
      };
      let buyer = world.connect();
      const offer = await buyer.buy({ table: '*' });
      let paid = offer.amountMsat as bigint;
      for (const each of steps) {
        if (each.do === 'publish') world.publish('AAPL', each.count, each.table);
        else if (each.do === 'stuck') buyer.outlet.isStuck = true;
        else if (each.do === 'free') {
          buyer.outlet.isStuck = false;
          buyer.outlet.leave();
        } else if (each.do === 'tick') world.clock.advance(1_000);
        else if (each.do === 'pay') {
          const topUp = buyer.offered;
          if (topUp !== undefined && !buyer.outlet.paid.has(topUp.quote)) {
            buyer.outlet.paid.add(topUp.quote);
            await world.pay(topUp);
            paid += topUp.amountMsat;
          }
        } else {
          const older = buyer;
          if (each.do === 'drop') older.drop();
          buyer = world.connect();
          for (const quote of older.outlet.paid) buyer.outlet.paid.add(quote);
          const back = each.do === 'resume' ? each.back : 3;
          const after = (table: string) => ({ epoch: 1, seqs: { AAPL: Math.max(0, (world.published(table, 'AAPL') ?? 0) - back) } });
          await buyer.connection.resume(offer.token, { trade: after('trade'), quote: after('quote') }, () => undefined);
          if (each.do === 'resume') {
            older.outlet.leave();
            await turn();
            older.drop();
          }
          keep(older);
        }
        await turn();
      }
      buyer.outlet.isStuck = false;
      buyer.outlet.leave();
      for (let turns = 0; turns < 20; turns += 1) await turn();
      buyer.drop();
      keep(buyer);
      const spent = [...billable].reduce((sum, [table, rows]) => sum + BigInt(rows.size) * (table === 'trade' ? 10n : 70n), 0n);
      await expect.poll(async () => paid - (await world.subscription(offer)).balanceMsat).toBe(spent);
      expect(spent).toBeLessThanOrEqual(paid);
      const { billed } = await world.subscription(offer);
      const told = billed.map(({ table, ranges }) => [table, ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0)] as const);
      expect(new Map(told)).toEqual(new Map([...billable].map(([table, rows]) => [table, rows.size])));
    }),
    { numRuns: 25 },
  );
});

test('a buyer who takes nothing for so long that the records it got are not remembered is billed for what left, and nothing else', async () => {
  const rows = 80_000;
  const each = 1_000;
  await using world = await openWorld({ trade: { ...CHEAP, msat: 1n, prepayMsat: 2_000_000n, topUpBelowMsat: 1n } });
  const buyer = world.connect();
  const offer = await buyer.buy({});
  const publish = async (count: number) => {
    for (let at = 0; at < count; at += each) {
      for (let one = 0; one < each; one += 1) world.publish('AAPL', 1);
      await turn();
    }
  };
  await publish(2_000);
  buyer.outlet.isStuck = true;
  await publish(rows);
  buyer.outlet.isStuck = false;
  buyer.outlet.leave();
  buyer.outlet.isStuck = true;
  await publish(2_000);
  buyer.drop();
  const left = buyer.outlet.numbers('AAPL').length;
  expect(left).toBe(rows + 2_000);
  await expect.poll(async () => offer.amountMsat - (await world.subscription(offer)).balanceMsat).toBe(BigInt(left));
  expect((await world.subscription(offer)).billed).toMatchObject([{ ranges: [[1, left]] }]);
});
