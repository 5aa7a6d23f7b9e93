import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Position, RowsEvent } from '../../../src/client/events.ts';
import { readMessage } from '../../../src/client/messages.ts';
import { Positions } from '../../../src/client/positions.ts';
import { rowFormat } from '../../../src/client/row-format.ts';
import type { RowOutput } from '../../../src/client/row-output.ts';
import { RowTracker } from '../../../src/client/row-tracker.ts';
import { RowWriter } from '../../../src/client/row-writer.ts';
import type { Row } from '../../../src/core/tickerplant/schema.ts';

const columns = [
  { name: 'time', type: 'timestamp' },
  { name: 'sym', type: 'symbol' },
  { name: 'price', type: 'float' },
  { name: 'size', type: 'long' },
] as const;
const rowsEvent = (seq: number, ...rows: Row[]): RowsEvent => ({
  type: 'rows',
  table: 'trade',
  columns,
  sym: 'AAPL',
  epoch: 2,
  seq,
  rows,
  conflated: false,
});
const row: Row = ['2026-11-20T14:30:00.123Z', 'AAPL', 39.81, 100];

test('NDJSON has table, epoch and number, then the columns by name; a column of such a name gets an underscore', () => {
  const line = rowFormat('ndjson').line(rowsEvent(17), ['2026-11-20T14:30:00Z', 'A"B', null, 2n ** 62n], 17);
  expect(line).toBe(
    '{"table":"trade","epoch":2,"seq":17,"time":"2026-11-20T14:30:00Z","sym":"A\\"B","price":null,"size":4611686018427387904}\n',
  );
  const clash = rowFormat('ndjson').line({ table: 't', epoch: 1, columns: [{ name: 'seq', type: 'long' }] }, [5], 9);
  expect(JSON.parse(clash)).toEqual({ table: 't', epoch: 1, seq: 9, seq_: 5 });
});

test('CSV quotes what must be, and tells an absent value from an empty text', () => {
  const csv = rowFormat('csv');
  expect(csv.heading('trade', columns)).toBe('table,epoch,seq,time,sym,price,size\n');
  expect(csv.line(rowsEvent(1), ['a,b', 'say "x"', null, ''], 1)).toBe('trade,2,1,"a,b","say ""x""",,""\n');
});

test('table lines up under its heading and lets no control character through', () => {
  const table = rowFormat('table');
  const heading = table.heading('trade', columns) ?? '';
  const line = table.line(rowsEvent(17), ['2026-11-20T14:30:00.123Z', 'A\x1b[2J', 39.81, 100], 17);
  expect(heading.indexOf('price') + 'price'.length).toBe(line.indexOf('39.81') + '39.81'.length);
  expect(line).not.toContain('\x1b');
});

class MemoryOutput implements RowOutput {
  headed = false;
  text = '';
  batches = 0;
  moved: Position[] = [];
  failure: Error | undefined;
  async write(bytes: Uint8Array, moved: Iterable<Position>, options?: { readonly headed?: boolean }): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    this.batches += 1;
    this.text += Buffer.from(bytes).toString();
    this.moved.push(...moved);
    this.headed ||= options?.headed === true;
  }
}

test('the rows of a turn are one batch, and the CSV heading is written once for all runs', async () => {
  const output = new MemoryOutput();
  for (let run = 0; run < 2; run += 1) {
    const writer = new RowWriter({ output, format: rowFormat('csv'), onError: () => {} });
    await writer.add(rowsEvent(run * 2 + 1, row));
    await writer.add(rowsEvent(run * 2 + 2, row));
    await writer.flush();
  }
  expect(output.batches).toBe(2);
  expect(output.text.match(/table,epoch/g)).toHaveLength(1);
  expect(output.moved.at(-1)).toEqual({ table: 'trade', epoch: 2, sym: 'AAPL', seq: 4 });
});

test('a limit cuts within an event, and the position with it', async () => {
  const output = new MemoryOutput();
  const writer = new RowWriter({ output, format: rowFormat('ndjson'), limit: 3, onError: () => {} });
  expect(await writer.add(rowsEvent(1, row, row))).toBe(2);
  expect(await writer.add(rowsEvent(3, row, row))).toBe(1);
  expect(writer.full).toBe(true);
  await writer.flush();
  expect(output.text.split('\n').filter(Boolean)).toHaveLength(3);
  expect(output.moved.at(-1)?.seq).toBe(3);
});

test('an output that fails between events is told at once and thrown at the next call', async () => {
  const output = new MemoryOutput();
  output.failure = Object.assign(new Error('gone'), { code: 'EPIPE' });
  const told: unknown[] = [];
  const writer = new RowWriter({ output, format: rowFormat('ndjson'), onError: (error) => told.push(error) });
  await writer.add(rowsEvent(1, row));
  await expect.poll(() => told.length).toBe(1);
  await expect(writer.add(rowsEvent(2, row))).rejects.toMatchObject({ code: 'EPIPE' });
});

test('whatever repeats and overlaps, each number is taken once and in order', () => {
  const chunk = fc.record({ seq: fc.integer({ min: 1, max: 30 }), count: fc.integer({ min: 1, max: 6 }) });
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 60 }), (chunks) => {
      const tracker = new RowTracker(new Positions());
      const taken: number[] = [];
      for (const { seq, count } of chunks) {
        const rows = Array.from({ length: count }, (_, index): Row => [seq + index]);
        const judged = tracker.rows({ op: 'upd', table: 't', sym: 'S', epoch: 1, seq, rows, conflated: false });
        if (judged.kind !== 'take') continue;
        const last = taken.at(-1);
        for (const gap of judged.missing) expect(gap.from).toBe((last ?? 0) + 1);
        if (last !== undefined && judged.missing.length === 0) expect(judged.seq).toBe(last + 1);
        taken.push(...judged.rows.map((each) => each[0] as number));
        expect(judged.rows[0]?.[0]).toBe(judged.seq);
      }
      expect(taken).toEqual([...new Set(taken)].sort((one, other) => one - other));
    }),
  );
});

test('conflated rows leave no hole, an older epoch is not taken, and a gap moves on', () => {
  const tracker = new RowTracker(new Positions());
  const upd = (epoch: number, seq: number, conflated = false) =>
    tracker.rows({ op: 'upd', table: 't', sym: 'S', epoch, seq, rows: [[seq]], conflated }).kind;
  expect(upd(2, 5)).toBe('take');
  expect(upd(2, 9, true)).toBe('take');
  expect(upd(1, 10)).toBe('seen');
  tracker.gap({ table: 't', sym: 'S', epoch: 2, from: 10, to: 20, reason: 'slow-consumer' });
  expect(upd(2, 21)).toBe('take');
  expect(upd(2, 23)).toBe('ask-again');
  expect(upd(2, 23)).toBe('take');
});

test.each([
  ['not JSON', '<html>'],
  ['a list', '[]'],
  ['rows without a number', '{"op":"upd","table":"t","sym":"S","epoch":1,"rows":[[1]]}'],
  ['rows that are none', '{"op":"upd","table":"t","sym":"S","epoch":1,"seq":1,"rows":[1]}'],
  ['a quote without an invoice', '{"op":"quote","quote":"q"}'],
  [
    'an amount with a sign',
    '{"op":"quote","quote":"q","subscription":"s","token":"t","table":"t","syms":[],"schema":[],"amountMsat":"-1","invoice":"i","paymentHash":"00","expiresAt":"2026-01-01T00:00:00Z","until":"2026-01-01T00:00:00Z","node":{"id":"n","uris":[]}}',
  ],
])('%s is refused as not the protocol', (_, text) => {
  expect(() => readMessage(text)).toThrow(expect.objectContaining({ name: 'MessageError' }));
});

test('an operation and fields that are not known are no error: the protocol may be added to', () => {
  expect(readMessage('{"op":"weather","sun":true}')).toEqual({ op: 'unknown' });
  expect(readMessage('{"op":"end","date":"2026-11-20","more":1}')).toEqual({ op: 'end', date: '2026-11-20' });
});

test('anything at all is read or refused, and nothing else', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc
          .record({ op: fc.constantFrom('upd', 'quote', 'active', 'resumed', 'gap', 'error', 'expired') })
          .chain((base) => fc.object().map((more) => JSON.stringify({ ...more, ...base }))),
      ),
      (text) => {
        try {
          readMessage(text);
        } catch (error) {
          expect((error as Error).name).toBe('MessageError');
        }
      },
    ),
  );
});
