import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sat } from '../../../src/core/lightning/amount.ts';
import { nodeId, paymentHash } from '../../../src/core/lightning/identifiers.ts';
import type { SettlementCursor } from '../../../src/core/lightning/settlement.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import type { NewPurchase } from '../../../src/core/ports/purchases.ts';
import { openSqliteLedger } from '../../../src/storage/ledger/sqlite-ledger.ts';
import { openSqlitePurchases, type SqlitePurchases } from '../../../src/storage/purchases/sqlite-purchases.ts';

const NODE = { network: 'regtest', nodeId: nodeId(`02${'ab'.repeat(32)}`) } as const;
const hex = (digit: string) => digit.repeat(64);
const cursor = (text: string) => text as SettlementCursor;

let folder: string;
let store: SqlitePurchases;
const open = () => openSqlitePurchases({ path: join(folder, 'store.db'), logger: silentLogger });
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tp-purchases-'));
  store = await open();
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const purchase = (digit: string, over: Partial<NewPurchase> = {}): NewPurchase => ({
  id: `p${digit}`,
  linkDigest: hex(digit),
  rootKey: hex('f'),
  node: NODE,
  item: 'cat.txt',
  title: 'cat.txt',
  snapshot: '{}',
  amountMsat: sat(10),
  paymentHash: paymentHash(hex(digit)),
  paymentRequest: 'lnbcrt1',
  createdAt: 1_000,
  expiresAt: 5_000,
  deliveries: 2,
  ...over,
});
const settle = (digit: string, at: string, msat = sat(10), settledAt = 2_000, kind: 'settled' | 'duplicate' = 'settled') =>
  store.purchases.applySettlement({
    node: NODE,
    cursor: cursor(at),
    kind,
    now: settledAt,
    settlement: {
      paymentHash: paymentHash(hex(digit)),
      amountMsat: sat(10),
      receivedMsat: msat,
      settledAt,
      expiresAt: 5_000,
      label: undefined,
    },
  });

test('a settlement and the cursor are one step, and a second time is told apart', async () => {
  const { purchases } = store;
  await purchases.create(purchase('1'));
  expect(await settle('1', 'a')).toMatchObject({ kind: 'sold', purchase: { state: 'settled', late: false }, refunds: [] });
  expect(await purchases.cursor(NODE)).toBe('a');
  expect(await settle('1', 'b')).toMatchObject({ kind: 'repeated' });
  expect(await settle('9', 'c')).toEqual({ kind: 'foreign' });
  await store[Symbol.asyncDispose]();
  store = await open();
  expect(await store.purchases.cursor(NODE)).toBe('c');
  expect(await store.purchases.byLink(hex('1'))).toMatchObject({ state: 'settled', receivedMsat: 10_000n, settledAt: 2_000 });
});

test('what came late is honoured, what came beyond the price, too little or twice is noted', async () => {
  const { purchases } = store;
  for (const digit of ['1', '2', '3']) await purchases.create(purchase(digit));
  expect(await purchases.expireQuotes(NODE, 5_000)).toHaveLength(3);
  expect(await settle('1', 'a', sat(10), 6_000)).toMatchObject({ kind: 'sold', purchase: { late: true } });
  expect(await settle('2', 'b', sat(12))).toMatchObject({ kind: 'sold', refunds: [{ reason: 'overpaid', msat: 2_000n }] });
  expect(await settle('3', 'c', sat(9))).toMatchObject({ kind: 'set-aside', refunds: [{ reason: 'underpaid', msat: 9_000n }] });
  expect(await settle('1', 'd', sat(10), 7_000, 'duplicate')).toMatchObject({ kind: 'set-aside', refunds: [{ reason: 'duplicate' }] });
  expect(await settle('1', 'd', sat(10), 7_000, 'duplicate')).toMatchObject({ kind: 'repeated' });
  const refunds = await purchases.refunds();
  expect(refunds.map(({ reason }) => reason).sort()).toEqual(['duplicate', 'overpaid', 'underpaid']);
  expect(await purchases.refundDone(refunds[0]?.id ?? '', 8_000)).toBe(true);
  expect(await purchases.refundDone(refunds[0]?.id ?? '', 8_000)).toBe(false);
  expect(await purchases.refunds()).toHaveLength(2);
  expect(await purchases.counts()).toMatchObject({ settled: 2, expired: 1, receivedMsat: 31_000n });
});

test('only what money never came for is forgotten, once its invoice is closed', async () => {
  const { purchases } = store;
  for (const digit of ['1', '2', '3']) await purchases.create(purchase(digit));
  await settle('1', 'a');
  await settle('2', 'b', sat(1));
  await purchases.expireQuotes(NODE, 5_000);
  expect(await purchases.pruneQuotes(NODE, 9_000, 10)).toBe(0);
  expect((await purchases.invoicesToCancel(NODE)).map(({ id }) => id)).toEqual(['p3']);
  await purchases.invoiceClosed('p3');
  expect(await purchases.pruneQuotes(NODE, 9_000, 10)).toBe(1);
  expect((await purchases.list({ limit: 10 })).map(({ id }) => id).sort()).toEqual(['p1', 'p2']);
});

test('a delivery takes back the note that there could be none; a refund that was given ends deliveries', async () => {
  const { purchases } = store;
  for (const digit of ['1', '2']) await purchases.create(purchase(digit));
  await settle('1', 'a');
  await settle('2', 'b');
  expect(await purchases.noteUndeliverable('p1', 3_000)).toBe(true);
  expect(await purchases.noteUndeliverable('p1', 3_100)).toBe(false);
  await purchases.noteUndeliverable('p2', 3_200);
  expect(await purchases.countDelivery('p1', 4_000)).toMatchObject({ delivered: 1, lastDeliveredAt: 4_000 });
  const [left, ...more] = await purchases.refunds();
  expect(more).toEqual([]);
  expect(left).toMatchObject({ purchase: 'p2', reason: 'undeliverable', msat: 10_000n });
  await purchases.refundDone(left?.id ?? '', 5_000);
  expect(await purchases.byLink(hex('2'))).toMatchObject({ refundedAt: 5_000 });
});

test('the first answer that was kept is the one', async () => {
  const { purchases } = store;
  await purchases.create(purchase('1'));
  await purchases.keepAnswer('p1', { head: 'text', body: Buffer.from('one') });
  const kept = await purchases.keepAnswer('p1', { head: 'text', body: Buffer.from('two') });
  expect(Buffer.from(kept.body).toString()).toBe('one');
});

test("a store's file is no ledger, and a ledger is no store", async () => {
  const path = join(folder, 'store.db');
  await store[Symbol.asyncDispose]();
  await expect(openSqliteLedger({ path, logger: silentLogger })).rejects.toMatchObject({ code: 'CORRUPT' });
  store = await open();
});
