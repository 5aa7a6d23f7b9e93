import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RecentRecords } from '../../../src/core/tickerplant/recent-records.ts';

const CAPACITY = 8;

interface Noted {
  readonly sym: string;
  readonly from: number;
  readonly count: number;
}

/** Numbers of each symbol, one by one, in the order in which they were noted. */
const numbers = (all: readonly Noted[]) => {
  const told: Record<string, number[]> = {};
  for (const { sym, from, count } of all) {
    told[sym] = [...(told[sym] ?? []), ...Array.from({ length: count }, (_, i) => from + i)];
  }
  return told;
};

test('whatever is published, and whenever it is looked up: slots stand for the records that were noted, until they are spilled', () => {
  const step = fc.record({
    sym: fc.constantFrom('A', 'B', 'C'),
    count: fc.integer({ min: 1, max: 4 }),
    isNoted: fc.boolean(),
    isLookedUp: fc.nat({ max: 9 }).map((n) => n === 0),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const recent = new RecentRecords(CAPACITY);
      const noted: Noted[] = [];
      const told: Noted[] = [];
      let slots: number[] = [];
      let rows = 0;
      const lookUp = () => {
        expect(recent.rows(slots, 0, slots.length)).toBe(rows);
        recent.stretches(slots, 0, slots.length, (sym, from, to) => void told.push({ sym, from, count: to - from + 1 }));
        slots = [];
        rows = 0;
      };
      recent.watch({ spill: lookUp });
      const next: Record<string, number> = {};
      for (const { sym, count, isNoted, isLookedUp } of steps) {
        const from = next[sym] ?? 1;
        next[sym] = from + count;
        recent.add('trade', sym, from, count);
        if (isNoted) {
          slots.push(recent.newest);
          noted.push({ sym, from, count });
          rows += count;
        }
        if (isLookedUp) lookUp();
      }
      expect(slots.length).toBeLessThanOrEqual(CAPACITY);
      lookUp();
      expect(numbers(told)).toEqual(numbers(noted));
    }),
  );
});

test('numbers that follow each other are one stretch, of each symbol and each table', () => {
  const recent = new RecentRecords(CAPACITY);
  recent.watch({ spill: () => {} });
  const slots = (['trade', 'quote', 'trade', 'quote', 'trade'] as const).map((table, i) => {
    recent.add(table, 'A', [1, 7, 2, 9, 5][i] as number, 1);
    return recent.newest;
  });
  const told: (readonly [string, number, number])[] = [];
  const tell = (sym: string, from: number, to: number) => void told.push([sym, from, to]);
  recent.stretches([slots[0], slots[2], slots[4]] as number[], 0, 3, tell);
  recent.stretches([slots[1], slots[3]] as number[], 0, 2, tell);
  expect(told).toEqual([
    ['A', 1, 2],
    ['A', 5, 5],
    ['A', 7, 7],
    ['A', 9, 9],
  ]);
});

test('with nobody to remember for, nothing is', () => {
  const recent = new RecentRecords(CAPACITY);
  const keeper = { spill: () => {} };
  recent.watch(keeper);
  recent.unwatch(keeper);
  const { newest } = recent;
  recent.add('trade', 'A', 1, 1);
  expect(recent.newest).toBe(newest);
});
