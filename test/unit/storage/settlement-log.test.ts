import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { msat } from '../../../src/core/lightning/amount.ts';
import type { Settlement } from '../../../src/core/lightning/settlement.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { openSqliteLedger, type SqliteLedger } from '../../../src/storage/ledger/sqlite-ledger.ts';
import { hash, node } from './support/quotes.ts';

let store: SqliteLedger;
beforeAll(async () => {
  store = await openSqliteLedger({ path: ':memory:', logger: silentLogger });
});
afterAll(() => store[Symbol.asyncDispose]());

const observed = (name: string, changes: Partial<Settlement> = {}): Settlement => ({
  paymentHash: hash(name),
  amountMsat: msat(1000),
  receivedMsat: msat(1000),
  settledAt: 2000,
  expiresAt: 5000,
  label: 'label',
  ...changes,
});

test('a settlement is logged once, with everything that was known of it', async () => {
  const at = node('log');
  const any = observed('b', { amountMsat: undefined, expiresAt: undefined, label: undefined });
  expect(await store.settlementLog.append(at, [observed('a'), any, observed('a')])).toEqual([
    { position: 1, settlement: observed('a') },
    { position: 2, settlement: any },
  ]);
  expect(await store.settlementLog.append(at, [any, observed('c')])).toEqual([{ position: 3, settlement: observed('c') }]);
  expect(await store.settlementLog.append(at, [])).toEqual([]);
  expect(await store.settlementLog.after(at, 1, 1)).toEqual([{ position: 2, settlement: any }]);
  expect(await store.settlementLog.head(at)).toBe(3);
  expect(await store.settlementLog.head(node('nobody'))).toBe(0);
  expect(await store.settlementLog.after(node('nobody'), 0, 10)).toEqual([]);
});

test('a checkpoint is kept per node', async () => {
  const at = node('checkpoint');
  expect(await store.settlementLog.checkpoint(at)).toBeUndefined();
  await store.settlementLog.saveCheckpoint(at, 'first');
  await store.settlementLog.saveCheckpoint(at, 'second');
  expect(await store.settlementLog.checkpoint(at)).toBe('second');
  expect(await store.settlementLog.checkpoint(node('another'))).toBeUndefined();
});

test('positions have no holes and keep the order of first observation, whatever comes how often', async () => {
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 8 }), { maxLength: 12 }), async (batches) => {
      const at = node(`log ${runs++}`);
      const answers = await Promise.all(
        batches.map((batch) =>
          store.settlementLog.append(
            at,
            batch.map((name) => observed(String(name))),
          ),
        ),
      );
      const order = [...new Set(batches.flat())];
      const expected = order.map((name, i) => ({ position: i + 1, settlement: observed(String(name)) }));
      expect(answers.flat()).toEqual(expected);
      expect(await store.settlementLog.after(at, 0, 100)).toEqual(expected);
      expect(await store.settlementLog.head(at)).toBe(order.length);
    }),
    { numRuns: 60 },
  );
}, 60_000);
