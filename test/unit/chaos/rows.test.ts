import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { checkRows, lastNumbers, readWritten, type Written } from '../../chaos/rows.ts';

const line = (seq: number, sym = 'AAPL', epoch = 1) => JSON.stringify({ table: 'trade', epoch, seq, time: 't', sym, price: 1 });
const wrote = (seqs: readonly number[], sym = 'AAPL', epoch = 1): Written => ({
  rows: seqs.map((seq) => ({ sym, epoch, seq, line: line(seq, sym, epoch) })),
  broken: [],
});
const expected = (first: number, mark: number) => ({ first: new Map([['AAPL', first]]), mark: new Map([['AAPL', mark]]), explained: [] });

function files(...contents: readonly string[]): readonly string[] {
  const dir = mkdtempSync(join(tmpdir(), 'chaos-rows-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return contents.map((content, index) => {
    const file = join(dir, `rows.${index}`);
    writeFileSync(file, content);
    return file;
  });
}

test('every number once, from the grant’s first to the mark: nothing is violated', () => {
  expect(checkRows(wrote([5, 6, 7]), expected(5, 7)).tally).toMatchObject({
    rowsDelivered: 3,
    rowsLost: 0,
    rowsRepeated: 0,
    activatedNotPaid: 0,
  });
});

test('a hole, a late beginning and an early end are lost rows', () => {
  expect(checkRows(wrote([5, 8]), expected(5, 8)).tally.rowsLost).toBe(2);
  expect(checkRows(wrote([7]), expected(5, 7)).tally.rowsLost).toBe(2);
  expect(checkRows(wrote([5]), expected(5, 9)).tally.rowsLost).toBe(4);
  expect(checkRows(wrote([]), expected(5, 9)).tally.rowsLost).toBe(5);
});

test('a gap that has an explanation is not lost', () => {
  const gap = { sym: 'AAPL', epoch: 1, from: 6, to: 7, reason: 'slow-consumer' };
  expect(checkRows(wrote([5, 8]), { ...expected(5, 8), explained: [gap] }).tally.rowsLost).toBe(0);
});

test('the same number again, and one out of order, are repeated rows', () => {
  expect(checkRows(wrote([5, 6, 6, 7]), expected(5, 7)).tally.rowsRepeated).toBe(1);
  expect(checkRows(wrote([5, 7, 6]), expected(5, 7)).tally).toMatchObject({ rowsRepeated: 1, rowsLost: 0 });
});

test('rows before the grant, or of a symbol that was not bought, were not paid', () => {
  expect(checkRows(wrote([4, 5]), expected(5, 5)).tally.activatedNotPaid).toBe(1);
  expect(checkRows(wrote([1], 'MSFT'), expected(5, 4)).tally.activatedNotPaid).toBe(1);
});

test('a second epoch without a restart of the machine is a loss', () => {
  const rows = [...wrote([5]).rows, ...wrote([6], 'AAPL', 2).rows];
  expect(checkRows({ rows, broken: [] }, expected(5, 6)).tally.rowsLost).toBe(1);
});

test('a torn end is let be in the last file of a killed process only', () => {
  const torn = `${line(1)}\n${line(2).slice(0, 20)}`;
  expect(readWritten(files(torn), true)).toMatchObject({ rows: [{ seq: 1 }], broken: [] });
  expect(readWritten(files(torn), false).broken).toHaveLength(1);
  expect(readWritten(files(torn, `${line(3)}\n`), true).broken).toHaveLength(1);
});

test('the end of a file tells the last number of each symbol', () => {
  const [file = ''] = files(
    `${Array.from({ length: 200 }, (_, index) => line(index + 1, index % 2 === 0 ? 'AAPL' : 'IBM')).join('\n')}\n{"torn`,
  );
  expect([...lastNumbers(file)].sort()).toEqual([
    ['AAPL', 199],
    ['IBM', 200],
  ]);
  expect(lastNumbers(`${file}.not-there`).size).toBe(0);
});
