import { expect, test } from 'vitest';
import { sumMsat } from '../../../src/core/lightning/amount.ts';
import { Catalog } from '../../../src/core/tickerplant/catalog.ts';
import { memoOf, priced } from '../../../src/core/tickerplant/pricing.ts';
import type { TableDefinition } from '../../../src/core/tickerplant/schema.ts';

function table(name: string, symbols: readonly string[] | undefined, perSymbol = 100_000n): TableDefinition {
  return { name, columns: [], symbols, pricing: { kind: 'flat', msat: perSymbol, lastsMs: 1_000, replayMs: 86_400_000 } };
}

const catalog = () => new Catalog([table('trade', ['AAPL', 'GOOGL']), table('quote', undefined, 50_000n)]);

test('an unknown table is named, with the ones that there are', () => {
  expect(() => catalog().resolve('x', '*', 10)).toThrow(/no table x; there is trade, quote/);
});

test('an unknown symbol is named', () => {
  expect(() => catalog().resolve('trade', ['AAPL', 'TSLA'], 10)).toThrow(
    expect.objectContaining({ code: 'UNKNOWN_SYMBOL', message: expect.stringContaining('TSLA') }),
  );
});

test('of thousands of unknown symbols a few are named', () => {
  const syms = Array.from({ length: 4_000 }, (_each, index) => `S${index}`);
  expect(() => catalog().resolve('trade', syms, 5_000)).toThrow(/S0, S1, S2, S3, S4 and 3995 more/);
});

test('more symbols than are taken in one request are refused', () => {
  expect(() => catalog().resolve('trade', ['A', 'B', 'C'], 2)).toThrow(expect.objectContaining({ code: 'TOO_MANY' }));
});

test('a symbol that is named twice is asked for once', () => {
  expect(catalog().resolve('trade', ['AAPL', 'AAPL'], 10)).toEqual([{ table: 'trade', syms: ['AAPL'] }]);
});

test('no symbol at all is refused, and so is the wildcard of a table without symbols yet', () => {
  expect(() => catalog().resolve('trade', [], 10)).toThrow(expect.objectContaining({ code: 'BAD_REQUEST' }));
  expect(() => catalog().resolve('quote', '*', 10)).toThrow(expect.objectContaining({ code: 'UNKNOWN_SYMBOL' }));
});

test('every table stands for those that have symbols', () => {
  const all = catalog();
  expect(all.resolve('*', '*', 10).map((item) => item.table)).toEqual(['trade']);
  all.declare('quote', ['AAPL']);
  expect(all.resolve('*', ['AAPL', 'GOOGL'], 10)).toEqual([
    { table: 'trade', syms: ['AAPL', 'GOOGL'] },
    { table: 'quote', syms: ['AAPL'] },
  ]);
});

test('a fixed list takes no symbol from the feed', () => {
  expect(() => catalog().declare('trade', ['TSLA'])).toThrow(/TSLA/);
});

test('the wildcard costs what the symbols cost that it stands for', () => {
  const all = catalog();
  all.declare('quote', ['AAPL']);
  const items = priced(all.resolve('*', '*', 10), (name) => all.table(name), undefined);
  expect(sumMsat(items.map((item) => item.amountMsat))).toBe(250_000n);
});

test("the memo is the whitepaper's", () => {
  expect(memoOf([{ table: 'trade', syms: ['AAPL', 'GOOGL'] }])).toBe('Invoice:trade| AAPL GOOGL');
});

test('a memo too long for an invoice is cut between characters and says how many symbols', () => {
  const syms = Array.from({ length: 400 }, (_each, index) => `日本${index}`);
  const memo = memoOf([{ table: 'trade', syms }]);
  expect(Buffer.byteLength(memo)).toBeLessThanOrEqual(639);
  expect(memo).toMatch(/… \(400 symbols\)$/);
  expect(memo).not.toContain('\uFFFD');
});
