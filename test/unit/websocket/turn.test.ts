import { expect, test } from 'vitest';
import { Turn } from '../../../src/transport/shared/turn.ts';

const frame = (text: string): Uint8Array => Buffer.from(text);
const turnOver = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('all that was added in a turn is flushed at its end, also across awaits', async () => {
  const turn = new Turn();
  const flushed: string[] = [];
  turn.add({ flush: () => flushed.push('first') });
  await Promise.resolve();
  turn.add({ flush: () => flushed.push('second') });
  await Promise.resolve();
  expect(flushed).toEqual([]);
  await turnOver();
  expect(flushed).toEqual(['first', 'second']);
  turn.add({ flush: () => flushed.push('third') });
  await turnOver();
  expect(flushed).toEqual(['first', 'second', 'third']);
});

test('what is added while a turn is flushed is flushed in the next', async () => {
  const turn = new Turn();
  const flushed: string[] = [];
  turn.add({
    flush: () => {
      flushed.push('first');
      turn.add({ flush: () => flushed.push('second') });
    },
  });
  await turnOver();
  await turnOver();
  expect(flushed).toEqual(['first', 'second']);
});

test('writing to very many lets others have their turn, and what came meanwhile leaves with what still waits, each connection in its turn', async () => {
  const turn = new Turn(0);
  const written: string[] = [];
  const connections = Array.from({ length: 40 }, (_, i) => {
    let rows = 0;
    return {
      row: () => {
        if (rows === 0) turn.add(connections[i] as (typeof connections)[number]);
        rows += 1;
      },
      flush: () => {
        written.push(`${i}:${rows}`);
        rows = 0;
      },
    };
  });
  const publish = () => {
    for (const { row } of connections) row();
  };
  publish();
  await turnOver();
  const first = written.length;
  expect(first).toBeGreaterThan(0);
  expect(first).toBeLessThan(40);
  publish();
  while (written.length < 40 + first) await turnOver();
  await turnOver();
  expect(written).toEqual([
    ...Array.from({ length: first }, (_, i) => `${i}:1`),
    ...Array.from({ length: 40 - first }, (_, i) => `${first + i}:2`),
    ...Array.from({ length: first }, (_, i) => `${i}:1`),
  ]);
});

test('who has something to say goes before all who have rows only', async () => {
  const turn = new Turn(0);
  const flushed: number[] = [];
  for (let i = 0; i < 40; i += 1) turn.add({ flush: () => flushed.push(i) });
  turn.addFirst({ flush: () => flushed.push(100) });
  await turnOver();
  turn.addFirst({ flush: () => flushed.push(200) });
  const before = flushed.length;
  expect(before).toBeLessThan(41);
  while (flushed.length < 42) await turnOver();
  expect(flushed[0]).toBe(100);
  expect(flushed[before]).toBe(200);
  expect(flushed.filter((i) => i < 100)).toEqual(Array.from({ length: 40 }, (_, i) => i));
});

test('however many have something to say, others have their turn, and rows go on', async () => {
  const turn = new Turn(0);
  const flushed: string[] = [];
  for (let i = 0; i < 400; i += 1) turn.addFirst({ flush: () => flushed.push('first') });
  for (let i = 0; i < 40; i += 1) turn.add({ flush: () => flushed.push('rows') });
  await turnOver();
  expect(flushed.length).toBeLessThan(440);
  expect(flushed).toContain('rows');
  while (flushed.length < 440) await turnOver();
});

test('the same frames give the same buffer, others never do', () => {
  const turn = new Turn();
  const [a, b, c] = [frame('a'), frame('b'), frame('c')];
  const joined = turn.join([a, b]);
  expect(String(joined)).toBe('ab');
  expect(turn.join([a, b])).toBe(joined);
  expect(String(turn.join([a, c]))).toBe('ac');
  expect(String(turn.join([c, b]))).toBe('cb');
  expect(String(turn.join([a, b, c]))).toBe('abc');
  expect(String(turn.join([a, frame('b')]))).toBe('ab');
});

test('what stands around frames is made with them, and belongs to what is shared', () => {
  const turn = new Turn();
  const frames = [frame('a'), frame('bc')];
  const chunk = { head: (bytes: number) => frame(`${bytes}:`), tail: frame('.') };
  const plain = turn.join(frames);
  const wrapped = turn.join([...frames], chunk);
  expect([String(plain), String(wrapped)]).toEqual(['abc', '3:abc.']);
  expect(turn.join([...frames], chunk)).toBe(wrapped);
  expect(String(turn.join(frames))).toBe('abc');
});

test('what is long is not copied', () => {
  expect(new Turn().join([new Uint8Array(400_000), new Uint8Array(400_000)])).toBeUndefined();
});
