import { expect, test } from 'vitest';
import { systemClock, systemRandom } from '../../../src/app/system.ts';
import { msat } from '../../../src/core/lightning/amount.ts';
import { LightningError } from '../../../src/core/lightning/errors.ts';
import { idempotentPayments } from '../../../src/core/lightning/idempotent-payments.ts';
import { hashOfPreimage, nodeId, type PaymentHash, preimage } from '../../../src/core/lightning/identifiers.ts';
import type { DecodedInvoice, PaymentDriver, PaymentOutcome } from '../../../src/core/lightning/payment.ts';
import type { PaymentIntents } from '../../../src/core/ports/payment-intents.ts';
import { memoryIntents } from '../../contract/memory-intents.ts';

const NODE = { network: 'regtest', nodeId: nodeId(`02${'11'.repeat(32)}`) } as const;
const SECRET = preimage('22'.repeat(32));
const HASH = hashOfPreimage(SECRET);
const REQUEST = { paymentRequest: 'an invoice', maxFeeMsat: msat(1_000), timeoutMs: 30 };

const settled: PaymentOutcome = {
  status: 'settled',
  paymentHash: HASH,
  preimage: SECRET,
  amountMsat: msat(5_000),
  feeMsat: msat(1),
  settledAt: 1,
  parts: [],
};
const failed: PaymentOutcome = { status: 'failed', paymentHash: HASH, reason: 'no-route', detail: 'none' };
const pending: PaymentOutcome = { status: 'pending', paymentHash: HASH };

interface Script {
  readonly attempt?: () => Promise<PaymentOutcome>;
  readonly record?: () => PaymentOutcome | undefined;
  readonly isImmediate?: boolean;
  readonly decoded?: Partial<DecodedInvoice>;
}

/** A driver that answers as told and counts how often the node was told to pay. */
function driverOf({ attempt, record, isImmediate = true, decoded }: Script) {
  const counts = { attempts: 0, lookups: 0 };
  const driver: PaymentDriver = {
    recordIsImmediate: isImmediate,
    async attempt() {
      counts.attempts += 1;
      return (await attempt?.()) ?? settled;
    },
    async lookup() {
      counts.lookups += 1;
      return record?.();
    },
    async list() {
      return { items: [], next: undefined };
    },
    async decode() {
      return {
        paymentHash: HASH,
        payee: NODE.nodeId,
        network: 'regtest',
        amountMsat: msat(5_000),
        description: '',
        descriptionHash: undefined,
        createdAt: systemClock.now(),
        expiresAt: systemClock.now() + 60_000,
        finalCltvDelta: 18,
        routeHints: [],
        ...decoded,
      };
    },
  };
  return { driver, counts };
}

function paymentsOver(script: Script, intents: PaymentIntents = memoryIntents()) {
  const { driver, counts } = driverOf(script);
  const payments = idempotentPayments(driver, { identity: async () => NODE, intents, clock: systemClock, random: systemRandom });
  return { payments, counts, intents };
}

async function withIntent(
  intents: PaymentIntents,
  outcome?: PaymentOutcome,
  expiresAt = systemClock.now() + 60_000,
): Promise<PaymentIntents> {
  await intents.begin({
    node: NODE,
    paymentHash: HASH,
    paymentRequest: 'an invoice',
    keysend: undefined,
    amountMsat: msat(5_000),
    maxFeeMsat: msat(1_000),
    createdAt: systemClock.now(),
    expiresAt,
  });
  if (outcome !== undefined) await intents.record(NODE, HASH, outcome);
  return intents;
}

test('the intent is stored before the node is told', async () => {
  const intents = memoryIntents();
  let stored: unknown;
  const { payments } = paymentsOver(
    {
      attempt: async () => {
        stored = await intents.find(NODE, HASH);
        return settled;
      },
    },
    intents,
  );
  await payments.pay(REQUEST);
  expect(stored).toMatchObject({ paymentHash: HASH, attempts: 1, outcome: undefined });
});

test('a second call joins the first', async () => {
  const { promise, resolve } = Promise.withResolvers<PaymentOutcome>();
  const { payments, counts } = paymentsOver({ attempt: () => promise });
  const both = Promise.all([payments.pay(REQUEST), payments.pay(REQUEST)]);
  resolve(settled);
  expect(await both).toEqual([settled, settled]);
  expect(counts.attempts).toBe(1);
});

test('what is settled is never tried again', async () => {
  const { payments, counts } = paymentsOver({}, await withIntent(memoryIntents(), settled));
  expect(await payments.pay(REQUEST)).toEqual(settled);
  expect(counts.attempts).toBe(0);
});

test('a known failure may be tried again', async () => {
  const { payments, counts, intents } = paymentsOver({}, await withIntent(memoryIntents(), failed));
  expect(await payments.pay(REQUEST)).toEqual(settled);
  expect(counts.attempts).toBe(1);
  expect((await intents.find(NODE, HASH))?.attempts).toBe(2);
});

test('pending is watched, not tried again', async () => {
  let looks = 0;
  const record = () => {
    looks += 1;
    return looks < 2 ? pending : settled;
  };
  const { payments, counts } = paymentsOver({ record }, await withIntent(memoryIntents(), pending));
  expect(await payments.pay({ ...REQUEST, timeoutMs: 5_000 })).toEqual(settled);
  expect(counts.attempts).toBe(0);
});

test('what stays pending until the time is over is pending', async () => {
  const { payments, counts } = paymentsOver({ record: () => pending }, await withIntent(memoryIntents()));
  expect(await payments.pay(REQUEST)).toEqual(pending);
  expect(counts.attempts).toBe(0);
});

test('after a crash before the answer, the record of the node decides', async () => {
  const { payments, counts } = paymentsOver({ record: () => settled }, await withIntent(memoryIntents()));
  expect(await payments.pay(REQUEST)).toEqual(settled);
  expect(counts.attempts).toBe(0);
});

test('after a crash, an empty record that is immediate means that nothing was tried', async () => {
  const { payments, counts } = paymentsOver({ record: () => undefined }, await withIntent(memoryIntents()));
  expect(await payments.pay(REQUEST)).toEqual(settled);
  expect(counts.attempts).toBe(1);
});

test('after a crash, an empty record that may lag stays unknown, and nothing is tried', async () => {
  const { payments, counts } = paymentsOver({ record: () => undefined, isImmediate: false }, await withIntent(memoryIntents()));
  expect(await payments.pay(REQUEST)).toMatchObject({ status: 'unknown' });
  expect(counts.attempts).toBe(0);
});

test('an empty record that may lag is a failure once the invoice has expired', async () => {
  const gone = systemClock.now() - 1;
  const script = { record: () => undefined, isImmediate: false, decoded: { expiresAt: gone } };
  const { payments, counts } = paymentsOver(script, await withIntent(memoryIntents(), undefined, gone));
  expect(await payments.pay(REQUEST)).toMatchObject({ status: 'failed', reason: 'expired' });
  expect(counts.attempts).toBe(0);
});

test('an attempt that ends without an answer is unknown, not failed', async () => {
  const attempt = async () => {
    throw new LightningError('CONNECTION_LOST', 'gone', { operation: 'pay' });
  };
  const { payments, intents } = paymentsOver({ attempt, record: () => pending });
  expect(await payments.pay(REQUEST)).toMatchObject({ status: 'unknown' });
  expect((await intents.find(NODE, HASH))?.outcome?.status).toBe('unknown');
  expect(await payments.pay(REQUEST)).toEqual(pending);
});

test('an attempt that surely left nothing in flight throws, and may be made again', async () => {
  let tries = 0;
  const attempt = async () => {
    tries += 1;
    if (tries === 1) throw new LightningError('UNAVAILABLE', 'not there', { operation: 'pay' });
    return settled;
  };
  const { payments } = paymentsOver({ attempt });
  await expect(payments.pay(REQUEST)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(await payments.pay(REQUEST)).toEqual(settled);
});

test('an invoice of another network is refused before anything is stored', async () => {
  const { payments, intents } = paymentsOver({ decoded: { network: 'mainnet' } });
  await expect(payments.pay(REQUEST)).rejects.toMatchObject({ code: 'WRONG_NETWORK' });
  expect(await intents.find(NODE, HASH)).toBeUndefined();
});

test('an expired invoice fails without an attempt', async () => {
  const { payments, counts } = paymentsOver({ decoded: { expiresAt: systemClock.now() - 1 } });
  expect(await payments.pay(REQUEST)).toMatchObject({ status: 'failed', reason: 'expired' });
  expect(counts.attempts).toBe(0);
});

test('an abort ends the wait only: the attempt goes on and its outcome is kept', async () => {
  const { promise, resolve } = Promise.withResolvers<PaymentOutcome>();
  const { payments, intents } = paymentsOver({ attempt: () => promise });
  const stop = new AbortController();
  const paying = payments.pay(REQUEST, { signal: stop.signal });
  await expect.poll(async () => (await intents.find(NODE, HASH))?.attempts).toBe(1);
  stop.abort();
  await expect(paying).rejects.toMatchObject({ code: 'ABORTED', retry: 'lookup-first' });
  resolve(settled);
  await expect.poll(async () => (await intents.find(NODE, HASH))?.outcome?.status).toBe('settled');
});

test('keysend stores its preimage first, and the same key is the same payment', async () => {
  const intents = memoryIntents();
  const seen: PaymentHash[] = [];
  const { driver } = driverOf({});
  const withKeysend: PaymentDriver = {
    ...driver,
    async attemptKeysend(request) {
      expect((await intents.findKeysend(NODE, 'k'))?.keysend?.preimage).toBe(request.preimage);
      const hash = hashOfPreimage(request.preimage);
      seen.push(hash);
      return { ...settled, paymentHash: hash, preimage: request.preimage };
    },
  };
  const payments = idempotentPayments(withKeysend, { identity: async () => NODE, intents, clock: systemClock, random: systemRandom });
  const request = { destination: NODE.nodeId, amountMsat: msat(1), maxFeeMsat: msat(0), key: 'k' };
  const outcomes = await Promise.all([payments.keysend(request), payments.keysend(request)]);
  outcomes.push(await payments.keysend(request));
  expect(new Set(outcomes.map((outcome) => outcome.paymentHash)).size).toBe(1);
  expect(seen).toHaveLength(1);
});
