import { expect, test } from 'vitest';
import { type Encoding, PublishedRows } from '../../../src/core/tickerplant/published-rows.ts';
import { messageFrame, payloadOf, updEncoding } from '../../../src/transport/websocket/frames.ts';

const textOf = (frame: Uint8Array): string => Buffer.from(payloadOf(frame)).toString();
const rowsOf = (table: string, sym: string, rows: readonly (readonly unknown[])[]): PublishedRows =>
  new PublishedRows(table, sym, 2, 17, rows.length, Buffer.from(JSON.stringify(rows)));

test('rows become one text frame with the upd message of the protocol', () => {
  const frame = rowsOf('trade', 'AAPL', [['2026-11-20T14:30:00.123Z', 'AAPL', 39.81, null]]).encoded(updEncoding);
  expect(frame[0]).toBe(0x81);
  expect(textOf(frame)).toBe(
    '{"op":"upd","table":"trade","sym":"AAPL","epoch":2,"seq":17,"rows":[["2026-11-20T14:30:00.123Z","AAPL",39.81,null]]}',
  );
});

test('a frame is made once and shared', () => {
  const rows = rowsOf('trade', 'AAPL', [[1]]);
  const other: Encoding = { encode: () => new Uint8Array(1) };
  const frame = rows.encoded(updEncoding);
  rows.encoded(other);
  expect(rows.encoded(updEncoding)).toBe(frame);
});

test.each(['a"b', 'é', '日本', '💹', '\n', '\\', '\ud800'])('the symbol %j survives', (sym) => {
  const message = JSON.parse(textOf(rowsOf('tr"ade', sym, [[sym]]).encoded(updEncoding)));
  expect(message).toMatchObject({ table: 'tr"ade', sym });
});

// Lengths on both sides of where RFC 6455 changes from 7 to 16 to 64 bits.
test.each([
  [125, [125], 2],
  [126, [126, 0, 126], 4],
  [65_535, [126, 0xff, 0xff], 4],
  [65_536, [127, 0, 0, 0, 0, 0, 1, 0, 0], 10],
])('a payload of %i bytes has the right header', (length, header, headerLength) => {
  const empty = JSON.stringify({ op: 'error', message: '' }).length;
  const frame = messageFrame({ op: 'error', message: 'x'.repeat(length - empty) });
  expect([...frame.subarray(1, headerLength)]).toEqual(header);
  expect(frame.length).toBe(headerLength + length);
  expect(payloadOf(frame).length).toBe(length);
  expect(JSON.parse(textOf(frame)).op).toBe('error');
});
