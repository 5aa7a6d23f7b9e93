import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Journal } from '../../../src/core/ports/journal.ts';
import type { PublishedRows } from '../../../src/core/tickerplant/published-rows.ts';
import { TestFolder } from './support/folders.ts';
import { filterOf, open, plain, readAll, rows } from './support/journal.ts';

const TABLES = ['trade', 'quote'];
const SYMS = ['A', 'B', 'C', 'é'];

const record = fc.record({
  table: fc.constantFrom(...TABLES),
  sym: fc.constantFrom(...SYMS),
  count: fc.integer({ min: 1, max: 4 }),
  filler: fc.integer({ min: 0, max: 300 }),
});
const step = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: fc.constant('append' as const), records: fc.array(record, { minLength: 1, maxLength: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const), boot: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('roll' as const) }) },
);

/** What is expected of one symbol: its records in this epoch. */
async function check(
  journal: Journal,
  expected: readonly PublishedRows[],
  table: string,
  after: Readonly<Record<string, number>>,
  maxBytes: number,
): Promise<void> {
  const filter = filterOf(table, after);
  const wanted = expected
    .filter((r) => r.table === table && Object.hasOwn(after, r.sym) && r.seq + r.count - 1 > (after[r.sym] ?? 0))
    .map(plain);
  expect((await readAll(journal, filter, maxBytes)).map(plain)).toEqual(wanted);
  expect(journal.readSync(filter, journal.seek(filter)).records.map(plain)).toEqual(wanted);
}

test('whatever is appended, rolled and opened again: from any number on exactly what was appended after it is read', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.integer({ min: 200, max: 3000 }),
      fc.integer({ min: 1, max: 2000 }),
      async (steps, segmentBytes, maxBytes) => {
        using folder = new TestFolder();
        let boot = 1;
        let journal = await open(folder.path, { segmentBytes, bootId: 'boot 1' });
        let expected: PublishedRows[] = [];
        let next = new Map<string, number>();
        try {
          for (const action of steps) {
            if (action.do === 'roll') journal.roll('2026-11-20');
            else if (action.do === 'append') {
              const batch = action.records.map(({ table, sym, count, filler }) => {
                const seq = next.get(table + sym) ?? 1;
                next.set(table + sym, seq + count);
                return rows(table, sym, journal.epoch, seq, count, 'x'.repeat(filler));
              });
              journal.append(batch);
              expected.push(...batch);
            } else {
              // One time in two it is the same boot.
              const nextBoot = action.boot > 3 ? boot + 1 : boot;
              const epoch = journal.epoch;
              await journal[Symbol.asyncDispose]();
              journal = await open(folder.path, { segmentBytes, bootId: `boot ${nextBoot}` });
              expect(journal.recovery).toEqual({ cutBytes: 0, continued: nextBoot === boot });
              expect(journal.epoch).toBe(nextBoot === boot ? epoch : epoch + 1);
              if (nextBoot !== boot) {
                expected = [];
                next = new Map();
              }
              boot = nextBoot;
              for (const table of TABLES)
                for (const sym of SYMS) expect(journal.lastSeqs.get(table)?.get(sym) ?? 0).toBe((next.get(table + sym) ?? 1) - 1);
            }
          }
          for (const table of TABLES) {
            await check(journal, expected, table, Object.fromEntries(SYMS.map((sym) => [sym, 0])), maxBytes);
            for (const sym of SYMS) {
              const last = (next.get(table + sym) ?? 1) - 1;
              for (const after of new Set([0, 1, Math.floor(last / 2), last - 1, last, last + 1]))
                await check(journal, expected, table, { [sym]: after }, maxBytes);
              expect(journal.earliest(table, sym)).toBe(last === 0 ? undefined : 1);
            }
            const lasts = SYMS.flatMap((sym) => expected.findLast((r) => r.table === table && r.sym === sym) ?? []);
            expect((await journal.last(table, SYMS)).map(plain)).toEqual(lasts.map(plain));
            const atHand = journal.lastSync(table, SYMS);
            if (atHand !== undefined) expect(atHand.map(plain)).toEqual(lasts.map(plain));
          }
        } finally {
          await journal[Symbol.asyncDispose]();
        }
      },
    ),
    { numRuns: 50 },
  );
}, 60_000);
