import { PassThrough, Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { feedOf, rowsOf } from './support.ts';

test('standard input is read as it comes: a row does not wait for the next', async () => {
  const stdin = new PassThrough();
  const feed = feedOf({ kind: 'stdin', format: 'ndjson' }, { stdin });
  const batches = feed.batches()[Symbol.asyncIterator]();
  stdin.write('{"time":"2026-01-01","sym":"A","price":1}\n{"time":"2026-01-02","sy');
  expect((await batches.next()).value?.rows).toStrictEqual([['2026-01-01T00:00:00.000Z', 'A', 1, null]]);
  stdin.end('m":"é"}');
  expect((await batches.next()).value?.rows).toStrictEqual([['2026-01-02T00:00:00.000Z', 'é', null, null]]);
  expect((await batches.next()).done).toBe(true);
});

test('a CSV row by standard input does not wait for the next, and its line is right', async () => {
  const stdin = new PassThrough();
  const batches = feedOf({ kind: 'stdin', format: 'csv' }, { stdin }).batches()[Symbol.asyncIterator]();
  stdin.write('time,sym,price\n,A,1\n');
  expect((await batches.next()).value?.rows).toStrictEqual([[null, 'A', 1, null]]);
  stdin.write(',B,2\r\n');
  expect((await batches.next()).value?.rows).toStrictEqual([[null, 'B', 2, null]]);
  stdin.write(',"C\n');
  stdin.write('C",3\n');
  expect((await batches.next()).value?.rows).toStrictEqual([[null, 'C\nC', 3, null]]);
  stdin.write(',D,four\n');
  await expect(batches.next()).rejects.toMatchObject({ place: { source: 'stdin', line: 6, column: 'price' } });
});

test('a letter that is cut in two by the chunks is whole', async () => {
  const bytes = Buffer.from('{"sym":"é€😀"}\n{"sym":"B"}\n');
  for (let cut = 1; cut < bytes.length; cut++) {
    const stdin = Readable.from([bytes.subarray(0, cut), bytes.subarray(cut)]);
    expect((await rowsOf(feedOf({ kind: 'stdin', format: 'ndjson' }, { stdin }))).map((row) => row[1])).toStrictEqual(['é€😀', 'B']);
  }
});

test('CSV comes by standard input too, zipped where that is said', async () => {
  const stdin = Readable.from([gzipSync('time,sym,price\n2026-01-01,A,1\n')]);
  expect(await rowsOf(feedOf({ kind: 'stdin', format: 'csv', gzip: true }, { stdin }))).toHaveLength(1);
});

test('the symbols of standard input are not known beforehand, but for a constant', async () => {
  expect(await feedOf({ kind: 'stdin', format: 'csv' }, { stdin: Readable.from([]) }).symbols('trade')).toBeUndefined();
  expect(await feedOf({ kind: 'stdin', format: 'csv', columns: "sym='A'" }, { stdin: Readable.from([]) }).symbols('trade')).toStrictEqual([
    'A',
  ]);
});

test('waiting for input ends when it is aborted or disposed of', async () => {
  const stop = new AbortController();
  const aborted = feedOf({ kind: 'stdin', format: 'csv' }, { stdin: new PassThrough() }).batches(stop.signal)[Symbol.asyncIterator]();
  const next = aborted.next();
  stop.abort();
  expect((await next).done).toBe(true);
  const feed = feedOf({ kind: 'stdin', format: 'ndjson' }, { stdin: new PassThrough() });
  const rows = rowsOf(feed);
  await feed[Symbol.asyncDispose]();
  expect(await rows).toStrictEqual([]);
});

test('standard input is read once only', async () => {
  const feed = feedOf({ kind: 'stdin', format: 'ndjson' }, { stdin: Readable.from([Buffer.from('{"sym":"A"}')]) });
  expect(await rowsOf(feed)).toHaveLength(1);
  await expect(rowsOf(feed)).rejects.toThrow('stdin: can be read only once');
});
