import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Random } from '../../../src/core/ports/random.ts';
import { EVENT_ID, LONGEST_ID, readEventId, StreamPosition } from '../../../src/transport/http/stream/event-id.ts';
import { KeptPositions } from '../../../src/transport/http/stream/kept-positions.ts';
import { ManualClock } from '../../integration/websocket/support/run.ts';

const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
const notes = fc.array(fc.tuple(name, name, fc.nat()), { maxLength: 30 });
/** What notes amount to, as plain as can be. */
const sum = (all: readonly (readonly [string, string, number])[]) => {
  const tables: Record<string, Record<string, number>> = Object.create(null);
  for (const [table, sym, seq] of all) {
    tables[table] ??= Object.create(null) as Record<string, number>;
    (tables[table] as Record<string, number>)[sym] = seq;
  }
  return Object.fromEntries(Object.entries(tables).map(([table, seqs]) => [table, { ...seqs }]));
};
const after = (epoch: number, all: readonly (readonly [string, string, number])[]) =>
  all.reduce((position, [table, sym, seq]) => position.moved(table, sym, seq), StreamPosition.after(epoch, {}));
const seqsOf = (positions: ReturnType<typeof readEventId>) =>
  positions && Object.fromEntries(Object.entries(positions).map(([table, { seqs }]) => [table, { ...seqs }]));

test('an id says where a stream is, whatever tables and symbols are called, and is one that is taken back', () => {
  fc.assert(
    fc.property(notes, fc.nat(), (all, epoch) => {
      const { id } = after(epoch, all);
      if (id === undefined) return;
      expect(id.length).toBeLessThanOrEqual(LONGEST_ID);
      expect(id).toMatch(EVENT_ID);
      expect(id).toMatch(/^[!-~]+$/);
      const read = readEventId(id);
      expect(seqsOf(read)).toEqual(sum(all));
      for (const position of Object.values(read ?? {})) expect(position.epoch).toBe(epoch);
    }),
    { examples: [[[['~', '~ /;=', 0]], 0]] },
  );
});

test('streams that are equally far have the same id, however they came there', () => {
  fc.assert(
    fc.property(notes, fc.infiniteStream(fc.nat()), fc.nat(), (all, order, epoch) => {
      const position = after(epoch, all);
      const last = [...new Map(all.map((note) => [JSON.stringify(note.slice(0, 2)), note])).values()];
      const shuffled = last
        .map((note) => ({ note, key: order.next().value }))
        .sort((a, b) => a.key - b.key)
        .map(({ note }) => note);
      expect(after(epoch, shuffled).id).toBe(position.id);
      expect(StreamPosition.after(epoch, position.positions()).id).toBe(position.id);
    }),
  );
});

test('positions of another epoch say nothing of this one; a name that is everybody’s is just a name', () => {
  const given = { trade: { epoch: 1, seqs: { AAPL: 9 } }, ['__proto__']: { epoch: 2, seqs: { constructor: 3 } } };
  const position = StreamPosition.after(2, given).moved('trade', 'GOOG', 1);
  expect(position.id).toContain('trade;GOOG=1');
  expect(() => position.moved('trade', '\ud800', 1)).not.toThrow();
  expect(Object.hasOwn(readEventId(position.id as string)?.['trade']?.seqs ?? {}, 'AAPL')).toBe(false);
});

test('what is no id is none, and is found out quickly', () => {
  for (const text of ['', '0', '1;', '1;;', '1;a=1', 'x;a;b=1', '1;a;b=', `1;${'a'.repeat(2_000)}`, '~abc.1', `1${';a=1'.repeat(200)}x`]) {
    expect(readEventId(text)).toBeUndefined();
  }
  fc.assert(fc.property(fc.string(), (text) => void readEventId(text)));
});

test('a short id stands for what its stream had sent by then, while that is kept', () => {
  let bytes = 0;
  const random: Random = { bytes: (length) => new Uint8Array(length).fill(++bytes) };
  const clock = new ManualClock();
  const kept = new KeptPositions(clock, random);
  const stream = kept.open({ trade: { epoch: 1, seqs: { A: 5, B: 7 } } });
  const ids = Array.from({ length: 20_000 }, (_, i) => stream.note('trade', i % 2 === 0 ? 'A' : 'B', 1, 10 + i));
  expect(ids[0]).toMatch(EVENT_ID);
  expect(kept.find(ids.at(-1) as string)?.['trade']?.seqs).toEqual({ A: 20_008, B: 20_009 });
  expect(kept.find(ids.at(-2) as string)?.['trade']?.seqs).toEqual({ A: 20_008, B: 20_007 });
  expect(kept.find(ids.at(-8_000) as string)?.['trade']?.seqs).toEqual({ A: 12_010, B: 12_009 });
  expect(kept.find(ids[0] as string)).toBeUndefined();
  expect(kept.find('~aaaaaaaaaaaaaaaa.1')).toBeUndefined();
  kept.end(stream);
  expect(kept.find(ids.at(-1) as string)).toBeDefined();
  clock.advance(16 * 60_000);
  kept.open({});
  expect(kept.find(ids.at(-1) as string)).toBeUndefined();
});
