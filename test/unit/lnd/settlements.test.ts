import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { fromCursor, toCursor } from '../../../src/adapters/lnd/backend/settlement-cursor.ts';
import { followSettlements, settlementsHead } from '../../../src/adapters/lnd/backend/settlements.ts';
import { nodeId } from '../../../src/core/lightning/identifiers.ts';
import type { FollowSettlements, SettlementCursor, SettlementEvent, StreamStatus } from '../../../src/core/lightning/settlement.ts';
import { contextOf, FakeLnd } from './fake-lnd.ts';

const NODE = nodeId(`02${'ab'.repeat(32)}`);

/** Reads a follower in the background: which invoices by add index, `|` where it had caught up. */
function reading(lnd: FakeLnd, options: FollowSettlements = {}) {
  const context = contextOf(lnd);
  const stop = new AbortController();
  const seen: string[] = [];
  const events: SettlementEvent[] = [];
  const states: StreamStatus['state'][] = [];
  const ended = (async () => {
    const follow = { ...options, signal: stop.signal, onStatus: ({ state }: StreamStatus) => void states.push(state) };
    for await (const event of followSettlements(context, follow)) {
      events.push(event);
      seen.push(event.kind === 'caught-up' ? '|' : String(Number.parseInt(event.settlement.paymentHash.slice(0, 8), 16)));
    }
  })();
  ended.catch(() => {});
  return {
    clock: context.clock,
    seen,
    events,
    states,
    async until(expected: string) {
      await vi.waitFor(() => expect(seen.join(' ')).toBe(expected), { interval: 1 });
    },
    async stop() {
      stop.abort();
      await ended;
    },
  };
}

test('what is settled is yielded in the order of settling, then what settles live', async () => {
  const lnd = new FakeLnd();
  lnd.add(5);
  lnd.settle(4, 2);
  const reader = reading(lnd);
  await reader.until('4 2 |');
  await vi.waitFor(() => expect(lnd.subscribers).toBe(1));
  lnd.settle(1, 5);
  await reader.until('4 2 | 1 5');
  await reader.stop();
  expect(lnd.subscribers).toBe(0);
});

test('what settles while the stream is away comes first after it, once', async () => {
  const lnd = new FakeLnd();
  lnd.add(5);
  lnd.settle(1);
  const reader = reading(lnd);
  await reader.until('1 |');
  await vi.waitFor(() => expect(lnd.subscribers).toBe(1));
  lnd.away = true;
  lnd.cut();
  await vi.waitFor(() => expect(reader.states.at(-1)).toBe('lost'));
  lnd.settle(3, 2);
  lnd.away = false;
  await vi.waitFor(() => {
    reader.clock.advance(10_000);
    expect(reader.seen.join(' ')).toBe('1 | 3 2 |');
  });
  expect(reader.states).toContain('live');
  await reader.stop();
});

test('the first settlement ever is not lost between list and stream', async () => {
  const lnd = new FakeLnd();
  lnd.add(1);
  lnd.deaf = true;
  const reader = reading(lnd);
  await reader.until('|');
  await vi.waitFor(() => expect(lnd.subscribers).toBe(1));
  lnd.settle(1);
  await vi.waitFor(() => {
    reader.clock.advance(1_000);
    expect(reader.seen.join(' ')).toBe('| 1');
  });
  await reader.stop();
});

test('a stream that leaves one out is caught by its numbers', async () => {
  const lnd = new FakeLnd();
  lnd.add(4);
  lnd.settle(1);
  const reader = reading(lnd);
  await reader.until('1 |');
  await vi.waitFor(() => expect(lnd.subscribers).toBe(1));
  lnd.deaf = true;
  lnd.settle(2);
  lnd.deaf = false;
  lnd.settle(3);
  await reader.until('1 | 2 3');
  await reader.stop();
});

test('a connection that only looks alive is found out by the list', async () => {
  const lnd = new FakeLnd();
  lnd.add(3);
  lnd.settle(1);
  const reader = reading(lnd);
  await reader.until('1 |');
  await vi.waitFor(() => expect(lnd.subscribers).toBe(1));
  lnd.deaf = true;
  lnd.settle(2);
  await vi.waitFor(() => {
    reader.clock.advance(60_000);
    expect(reader.seen.join(' ')).toBe('1 | 2');
  });
  await reader.stop();
});

test('an invoice that settles behind the reader of the list is not skipped', async () => {
  const lnd = new FakeLnd();
  lnd.add(1_500);
  let once = true;
  lnd.beforePage = (offset) => {
    if (offset < 1_000 || !once) return;
    once = false;
    lnd.settle(7, 1_200);
  };
  const reader = reading(lnd);
  await reader.until('7 1200 |');
  await reader.stop();
});

test('every cursor, taken up by a new follower, continues without loss and without repeating', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.shuffledSubarray([1, 2, 3, 4, 5, 6, 7, 8], { minLength: 1 }),
      fc.subarray([1, 2, 3, 4, 5, 6, 7, 8]),
      async (order, cancelled) => {
        const lnd = new FakeLnd();
        lnd.add(8);
        for (const index of cancelled) if (!order.includes(index)) lnd.cancel(index);
        lnd.settle(...order);
        const expected = [...order.map(String), '|'];
        const first = reading(lnd);
        await first.until(expected.join(' '));
        await first.stop();
        for (const [at, { cursor }] of first.events.entries()) {
          const after = reading(lnd, { after: cursor });
          await after.until(at >= order.length ? '|' : expected.slice(at + 1).join(' '));
          await after.stop();
        }
      },
    ),
    { numRuns: 25 },
  );
});

test('an invoice added early and settled late comes after an old cursor', async () => {
  const lnd = new FakeLnd();
  lnd.add(4);
  lnd.settle(2, 3);
  const head = await settlementsHead(contextOf(lnd), {});
  lnd.add(2);
  lnd.settle(5, 1);
  const reader = reading(lnd, { after: head });
  await reader.until('5 1 |');
  await reader.stop();
});

test('the head of a node without settlements begins with the first', async () => {
  const lnd = new FakeLnd();
  const head = await settlementsHead(contextOf(lnd), {});
  lnd.add(1);
  lnd.settle(1);
  const reader = reading(lnd, { after: head });
  await reader.until('1 |');
  await reader.stop();
});

test('a cursor is read back as it was written', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 18n }), fc.bigInt({ min: 0n, max: 10n ** 18n }), (settled, final) => {
      expect(fromCursor(toCursor({ settled, final }, NODE), NODE)).toEqual({ settled, final });
    }),
  );
});

test.each(['', '17', 'cln1.5', 'lnd1.02abababababab.1', `${toCursor({ settled: 1n, final: 1n }, NODE)}.9`, 'lnd1.02ababababababab.-1.0'])(
  'the cursor "%s" is refused',
  (cursor) => {
    expect(() => fromCursor(cursor as SettlementCursor, NODE)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  },
);

test('a cursor of another node is refused', () => {
  const cursor = toCursor({ settled: 1n, final: 1n }, nodeId(`03${'cd'.repeat(32)}`));
  expect(() => fromCursor(cursor, NODE)).toThrow(/another node/);
});
