import { expect, test } from 'vitest';
import { PublishedRows } from '../../../src/core/tickerplant/published-rows.ts';
import { StreamPosition } from '../../../src/transport/http/stream/event-id.ts';
import { SharedEvents } from '../../../src/transport/http/stream/shared-events.ts';

const EPOCH = 1;
const row = (sym: string, seq: number) => new PublishedRows('trade', sym, EPOCH, seq, 1, Buffer.from('[[1]]'));
const at = (seqs: Readonly<Record<string, number>>) => StreamPosition.after(EPOCH, { trade: { epoch: EPOCH, seqs } });
const shared = () => {
  const encoded: string[] = [];
  const events = new SharedEvents((rows, id) => {
    encoded.push(id);
    return Buffer.from(`${rows.sym} ${id}`);
  });
  return { events, encoded };
};

test('streams that come to the same place get the same bytes, made once, and stay together', () => {
  const { events, encoded } = shared();
  const one = events.of(row('A', 5), at({ A: 4, B: 2 }));
  const rows = row('A', 6);
  const [first, second, third] = [one.position, at({ A: 3, B: 2 }), at({ B: 2 })].map((from) => events.of(rows, from));
  expect(first?.bytes?.toString()).toBe('A 1;trade;A=6;B=2');
  expect(second).toBe(first);
  expect(third).toBe(first);
  expect(encoded).toEqual(['1;trade;A=5;B=2', '1;trade;A=6;B=2']);
});

test('a stream that is elsewhere has bytes of its own', () => {
  const { events } = shared();
  const rows = row('A', 6);
  expect(events.of(rows, at({ A: 5, B: 2 })).bytes?.toString()).toBe('A 1;trade;A=6;B=2');
  expect(events.of(rows, at({ A: 5, B: 1 })).bytes?.toString()).toBe('A 1;trade;A=6;B=1');
  expect(events.of(rows, at({ A: 5, B: 2 })).bytes?.toString()).toBe('A 1;trade;A=6;B=2');
});

test('the same place is another one after other rows', () => {
  const { events } = shared();
  const from = at({ A: 5 });
  expect(events.of(row('A', 6), from).bytes?.toString()).toBe('A 1;trade;A=6');
  expect(events.of(row('A', 7), from).bytes?.toString()).toBe('A 1;trade;A=7');
  expect(events.of(row('B', 1), from).bytes?.toString()).toBe('B 1;trade;A=5;B=1');
});

test('where the id would be too long there are no bytes to share', () => {
  const { events, encoded } = shared();
  const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`SYMBOL${i}`, i]));
  const { bytes, position } = events.of(row('A', 6), at(many));
  expect(bytes).toBeUndefined();
  expect(position.positions()['trade']?.seqs['A']).toBe(6);
  expect(encoded).toEqual([]);
});
