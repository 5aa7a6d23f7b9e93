import { afterAll, beforeAll, expect, test } from 'vitest';
import { msat } from '../../../src/core/lightning/amount.ts';
import type { PaymentHash, Preimage } from '../../../src/core/lightning/identifiers.ts';
import type { PaymentOutcome } from '../../../src/core/lightning/payment.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import type { PaymentIntent } from '../../../src/core/ports/payment-intents.ts';
import { openSqliteLedger, type SqliteLedger } from '../../../src/storage/ledger/sqlite-ledger.ts';
import { hash, NODE, node } from './support/quotes.ts';

let store: SqliteLedger;
beforeAll(async () => {
  store = await openSqliteLedger({ path: ':memory:', logger: silentLogger });
});
afterAll(() => store[Symbol.asyncDispose]());

type NewIntent = Omit<PaymentIntent, 'attempts' | 'outcome'>;
const intent = (name: string, changes: Partial<NewIntent> = {}): NewIntent => ({
  node: NODE,
  paymentHash: hash(name),
  paymentRequest: `lnbcrt of ${name}`,
  keysend: undefined,
  amountMsat: msat(1000),
  maxFeeMsat: msat(10),
  createdAt: 1000,
  expiresAt: 5000,
  ...changes,
});
const failed = (paymentHash: PaymentHash): PaymentOutcome => ({ status: 'failed', paymentHash, reason: 'no-route', detail: 'none' });
const settled = (paymentHash: PaymentHash): PaymentOutcome => ({
  status: 'settled',
  paymentHash,
  preimage: hash('preimage') as string as Preimage,
  amountMsat: msat(2_099_999_999_999_999_999n),
  feeMsat: msat(7),
  settledAt: undefined,
  parts: [
    {
      amountMsat: msat(1000),
      feeMsat: msat(7),
      hops: [{ nodeId: NODE.nodeId, channel: undefined, forwardedMsat: msat(1000), feeMsat: msat(0) }],
    },
  ],
});

test('an intent is begun once; until its outcome is known to be failed it is not begun again', async () => {
  expect(await store.intents.find(NODE, hash('a'))).toBeUndefined();
  expect(await store.intents.begin(intent('a'))).toEqual({ begun: true, intent: { ...intent('a'), attempts: 1, outcome: undefined } });
  expect(await store.intents.begin(intent('a'))).toMatchObject({ begun: false, intent: { attempts: 1, outcome: undefined } });
  for (const outcome of [
    { status: 'pending', paymentHash: hash('a') },
    { status: 'unknown', paymentHash: hash('a'), detail: 'lost' },
  ] as const) {
    await store.intents.record(NODE, hash('a'), outcome);
    expect(await store.intents.begin(intent('a'))).toEqual({ begun: false, intent: { ...intent('a'), attempts: 1, outcome } });
  }
  await store.intents.record(NODE, hash('a'), failed(hash('a')));
  const second = await store.intents.begin(intent('a', { maxFeeMsat: msat(20), createdAt: 9000 }));
  expect(second).toEqual({ begun: true, intent: { ...intent('a', { maxFeeMsat: msat(20) }), attempts: 2, outcome: undefined } });
  expect(await store.intents.begin(intent('a'))).toMatchObject({ begun: false });
});

test('of many who begin at once exactly one does', async () => {
  const answers = await Promise.all(Array.from({ length: 30 }, () => store.intents.begin(intent('race'))));
  expect(answers.filter(({ begun }) => begun)).toHaveLength(1);
});

test('a settled outcome comes back as it was, amounts to the last msat, and is never changed again', async () => {
  await store.intents.begin(intent('paid'));
  await store.intents.record(NODE, hash('paid'), settled(hash('paid')));
  await store.intents.record(NODE, hash('paid'), failed(hash('paid')));
  expect((await store.intents.find(NODE, hash('paid')))?.outcome).toEqual(settled(hash('paid')));
  expect(await store.intents.begin(intent('paid'))).toMatchObject({ begun: false });
});

test('intents of different nodes and networks do not meet', async () => {
  await store.intents.begin(intent('b'));
  expect((await store.intents.begin(intent('b', { node: node('another') }))).begun).toBe(true);
  expect((await store.intents.begin(intent('b', { node: { ...NODE, network: 'signet' } }))).begun).toBe(true);
  await store.intents.record(node('another'), hash('b'), failed(hash('b')));
  expect((await store.intents.find(NODE, hash('b')))?.outcome).toBeUndefined();
});

test('a keysend is one payment by its key, whatever preimage a second call brings', async () => {
  const keysend = (name: string) =>
    intent(name, { paymentRequest: undefined, keysend: { key: 'key', preimage: hash(`preimage of ${name}`) as string as Preimage } });
  expect((await store.intents.begin(keysend('k1'))).begun).toBe(true);
  expect(await store.intents.begin(keysend('k2'))).toEqual({ begun: false, intent: { ...keysend('k1'), attempts: 1, outcome: undefined } });
  await store.intents.record(NODE, hash('k1'), failed(hash('k1')));
  expect(await store.intents.begin(keysend('k2'))).toEqual({ begun: true, intent: { ...keysend('k1'), attempts: 2, outcome: undefined } });
  expect((await store.intents.findKeysend(NODE, 'key'))?.paymentHash).toBe(hash('k1'));
  expect(await store.intents.findKeysend(node('another'), 'key')).toBeUndefined();
  expect(await store.intents.find(NODE, hash('k2'))).toBeUndefined();
});

test('an outcome without an intent is none of ours', async () => {
  await store.intents.record(NODE, hash('foreign'), failed(hash('foreign')));
  await store.intents.record(node('never seen'), hash('foreign'), failed(hash('foreign')));
  expect(await store.intents.find(NODE, hash('foreign'))).toBeUndefined();
});
