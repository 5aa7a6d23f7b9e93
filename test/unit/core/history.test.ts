import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Journal } from '../../../src/core/ports/journal.ts';
import { History, type HistoryQuestion } from '../../../src/core/tickerplant/history.ts';
import { PublishedRows } from '../../../src/core/tickerplant/published-rows.ts';
import type { RowRange } from '../../../src/core/tickerplant/readable-rows.ts';
import { TestFolder } from '../storage/support/folders.ts';
import { open } from '../storage/support/journal.ts';

const ROOT_KEY = '5a'.repeat(32);
const START = Date.parse('2026-11-20T14:00:00Z');
const FILLER = 'x'.repeat(300);
const ALL = Number.MAX_SAFE_INTEGER;
const timeOf = (tick: number) => new Date(START + tick * 1000).toISOString();

/** A journal of several small segments, and what is in it, in order: `A7` is row 7 of A. Each record has its own second. */
async function filled(
  dir: string,
  counts: readonly (readonly [sym: string, count: number])[],
): Promise<{ journal: Journal; order: string[]; tick: Map<string, number> }> {
  const journal = await open(dir, { segmentBytes: 16 * 1024 });
  const next = new Map<string, number>();
  const order: string[] = [];
  const tick = new Map<string, number>();
  for (const [at, [sym, count]] of counts.entries()) {
    const seq = next.get(sym) ?? 1;
    next.set(sym, seq + count);
    const rows = Array.from({ length: count }, (_, i) => [timeOf(at), sym, seq + i, FILLER]);
    journal.append([new PublishedRows('trade', sym, journal.epoch, seq, count, Buffer.from(JSON.stringify(rows)))]);
    // Of another table, between.
    journal.append([
      new PublishedRows(
        'quote',
        sym,
        journal.epoch,
        at + 1 - counts.slice(0, at).filter(([other]) => other !== sym).length,
        1,
        Buffer.from('[[1]]'),
      ),
    ]);
    for (let i = 0; i < count; i += 1) {
      order.push(`${sym}${seq + i}`);
      tick.set(`${sym}${seq + i}`, at);
    }
  }
  return { journal, order, tick };
}

/** Reads to the end, page by page. */
async function read(
  journal: Journal,
  readable: ReadonlyMap<string, readonly RowRange[]>,
  question: HistoryQuestion,
  rows: number,
  scanBytes = ALL,
): Promise<string[]> {
  const found: string[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < 10_000; pages += 1) {
    const history = await History.open({ journal, table: 'trade', readable, question: { ...question, cursor }, rootKey: ROOT_KEY });
    let count = 0;
    for await (const record of history.read({ rows, bytes: ALL, scanBytes })) {
      expect(record.rows.length).toBe(record.count);
      record.rows.forEach((row, i) => void expect(row[2]).toBe(record.seq + i));
      for (let i = 0; i < record.count; i += 1) found.push(`${record.sym}${record.seq + i}`);
      count += record.count;
    }
    expect(count).toBeLessThanOrEqual(rows);
    cursor = history.next;
    if (cursor === undefined) return found;
  }
  throw new Error('there is no end of pages');
}

const records = fc.array(fc.tuple(fc.constantFrom('A', 'B', 'C'), fc.integer({ min: 1, max: 40 })), { minLength: 1, maxLength: 40 });

test('pages of any size, over any segments, bring what may be read and was asked for, once and in order', async () => {
  await fc.assert(
    fc.asyncProperty(
      records,
      fc.integer({ min: 1, max: 90 }),
      fc.option(fc.integer({ min: 0, max: 40 }), { nil: undefined }),
      fc.option(fc.integer({ min: 0, max: 40 }), { nil: undefined }),
      fc.option(fc.integer({ min: 1, max: 200 }), { nil: undefined }),
      fc.constantFrom(ALL, 1),
      async (counts, limit, from, to, fromSeq, scanBytes) => {
        using folder = new TestFolder();
        const { journal, order, tick } = await filled(folder.path, counts);
        try {
          const last = order.filter((each) => each.startsWith('B')).length;
          const allowed = (
            [
              [3, 20],
              [25, 400],
            ] as const
          )
            .map(([low, high]): RowRange => [low, Math.min(high, last)])
            .filter(([low, high]) => low <= high);
          const readable = new Map<string, readonly RowRange[]>([
            ['A', [[1, order.filter((each) => each.startsWith('A')).length]]],
            ['B', allowed],
          ]);
          const question = { ...(from !== undefined && { from: timeOf(from) }), ...(to !== undefined && { to: timeOf(to) }), fromSeq };
          const wanted = order.filter((each) => {
            const [sym, seq, at] = [each[0], Number(each.slice(1)), tick.get(each) as number];
            const may = sym === 'A' || (sym === 'B' && allowed.some(([low, high]) => low <= seq && seq <= high));
            return may && seq >= (fromSeq ?? 1) && at >= (from ?? 0) && at < (to ?? ALL);
          });
          expect(await read(journal, readable, question, limit, scanBytes)).toEqual(wanted);
        } finally {
          await journal[Symbol.asyncDispose]();
        }
      },
    ),
    { numRuns: 40 },
  );
});

test('what may be read and is not kept any more is told as a gap', async () => {
  using folder = new TestFolder();
  const { journal, order } = await filled(
    folder.path,
    Array.from({ length: 60 }, () => ['A', 10] as const),
  );
  await journal[Symbol.asyncDispose]();
  const kept = await open(folder.path, { segmentBytes: 16 * 1024, keepBytes: 64 * 1024 });
  try {
    kept.roll('2026-11-20');
    const first = kept.earliest('trade', 'A') as number;
    expect(first).toBeGreaterThan(1);
    const readable = new Map<string, readonly RowRange[]>([['A', [[1, 600]]]]);
    const history = await History.open({ journal: kept, table: 'trade', readable, question: {}, rootKey: ROOT_KEY });
    expect(history.gaps).toEqual([{ table: 'trade', sym: 'A', epoch: kept.epoch, from: 1, to: first - 1, reason: 'retention' }]);
    expect(await read(kept, readable, {}, 50)).toEqual(order.slice(first - 1));
  } finally {
    await kept[Symbol.asyncDispose]();
  }
});

test('a cursor is good for its own subscription only', async () => {
  using folder = new TestFolder();
  const { journal } = await filled(folder.path, [['A', 5]]);
  try {
    const parts = { journal, table: 'trade', readable: new Map<string, readonly RowRange[]>([['A', [[1, 5]]]]) };
    const history = await History.open({ ...parts, question: {}, rootKey: ROOT_KEY });
    for await (const _ of history.read({ rows: 1, bytes: ALL, scanBytes: ALL }));
    const question = { cursor: history.next };
    await expect(History.open({ ...parts, question, rootKey: 'a5'.repeat(32) })).rejects.toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST' }),
    );
    await expect(History.open({ ...parts, question: { cursor: 'AAAA' }, rootKey: ROOT_KEY })).rejects.toThrow('cursor');
  } finally {
    await journal[Symbol.asyncDispose]();
  }
});
