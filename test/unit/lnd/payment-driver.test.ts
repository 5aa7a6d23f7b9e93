import { expect, test } from 'vitest';
import { LndPaymentDriver } from '../../../src/adapters/lnd/backend/payment-driver.ts';
import type { LndCall, LndCaller } from '../../../src/adapters/lnd/client/client.ts';
import { toLightningError } from '../../../src/adapters/lnd/client/errors.ts';
import { decodeInvoice } from '../../../src/adapters/lnd/mapping/decoded-invoice.ts';
import { msat } from '../../../src/core/lightning/amount.ts';
import type { CallOptions } from '../../../src/core/lightning/common.ts';
import { LightningError } from '../../../src/core/lightning/errors.ts';
import { contextOf, FakeLnd } from './fake-lnd.ts';
import { recorded, refusals } from './fixtures.ts';

type Answer = unknown | Error | 'silence';

/** A lnd that gives the answers written down for each method, one after the other, the last one for good. */
function scripted(script: Readonly<Record<string, readonly Answer[]>>) {
  const asked: { readonly method: string; readonly request: Readonly<Record<string, unknown>> }[] = [];
  const left = new Map(Object.entries(script).map(([method, answers]) => [method, [...answers]]));
  const next = (call: LndCall<unknown>): Answer => {
    asked.push({ method: call.method, request: call.request });
    const answers = left.get(call.method) ?? [];
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const client: LndCaller = {
    reconnect() {},
    unary: async (call) => call.schema.parse(next(call)),
    async *stream<T>(call: LndCall<T>, { signal }: CallOptions = {}) {
      const answer = next(call);
      if (answer !== 'silence') yield call.schema.parse(answer);
      if (answer !== 'silence') return;
      await new Promise((resolve) => signal?.addEventListener('abort', resolve));
      throw new LightningError('ABORTED', 'aborted', { operation: call.operation });
    },
  };
  const context = { ...contextOf(new FakeLnd()), client };
  return { asked, clock: context.clock, driver: new LndPaymentDriver(context) };
}

const settled = recorded('payment-settled') as { readonly payment_request: string };
const inFlight = recorded('payment-in-flight');
const noRoute = recorded('payment-failed-no-route');
const request = (timeoutMs?: number) => ({
  paymentRequest: settled.payment_request,
  decoded: decodeInvoice(settled.payment_request, 'regtest'),
  maxFeeMsat: msat(999),
  ...(timeoutMs !== undefined && { timeoutMs }),
});
const refusal = (name: string) => toLightningError(refusals[name], 'payments.pay');
const routes = (fee: string) => ({ routes: [{ hops: [], total_fees_msat: fee, total_amt_msat: '12345' }] });

test('the cap is sent in msat and the amount of the invoice is left to it', async () => {
  const { driver, asked } = scripted({ sendPaymentV2: [settled] });
  expect(await driver.attempt(request())).toMatchObject({ status: 'settled', feeMsat: 1_000n });
  expect(asked[0]?.request).toMatchObject({ fee_limit_msat: '999', max_parts: 1, timeout_seconds: 60 });
  expect(asked[0]?.request).not.toHaveProperty('amt_msat');
});

test('no route for a cap that is too low is told as the cap, at once and in one part', async () => {
  const { driver, asked } = scripted({ sendPaymentV2: [noRoute], queryRoutes: [routes('1000')] });
  expect(await driver.attempt(request())).toMatchObject({ status: 'failed', reason: 'fee-cap' });
  expect(asked.filter(({ method }) => method === 'sendPaymentV2')).toHaveLength(1);
});

test('where no single route is there at any price, several parts are tried', async () => {
  const nothing = toLightningError({ code: 2, details: 'unable to find a path to destination' }, 'payments.pay');
  const { driver, asked } = scripted({ sendPaymentV2: [noRoute, settled], queryRoutes: [nothing] });
  expect(await driver.attempt(request())).toMatchObject({ status: 'settled' });
  expect(asked.filter(({ method }) => method === 'sendPaymentV2').map(({ request: { max_parts } }) => max_parts)).toEqual([1, 16]);
});

test('a payment that is still in flight when time is up is pending', async () => {
  const { driver, clock, asked } = scripted({ sendPaymentV2: ['silence'], trackPaymentV2: [inFlight] });
  const outcome = driver.attempt(request(2_000));
  await expect.poll(() => asked.length).toBe(1);
  clock.advance(3_000);
  expect((await outcome).status).toBe('pending');
});

test.each(['pay-paid', 'pay-in-flight'])('a second payment of a hash that lnd refuses (%s) is answered with its record', async (name) => {
  const { driver } = scripted({ sendPaymentV2: [refusal(name)], trackPaymentV2: [settled] });
  expect((await driver.attempt(request())).status).toBe('settled');
});

test('a connection lost while paying is looked up, not tried again', async () => {
  const lost = toLightningError({ code: 14, details: 'Connection dropped' }, 'payments.pay');
  const { driver, asked } = scripted({ sendPaymentV2: [lost], trackPaymentV2: [settled] });
  expect((await driver.attempt(request())).status).toBe('settled');
  expect(asked.filter(({ method }) => method === 'sendPaymentV2')).toHaveLength(1);
});

test('a connection lost before lnd had made a record is a failure', async () => {
  const lost = toLightningError({ code: 14, details: 'Connection dropped' }, 'payments.pay');
  const { driver } = scripted({ sendPaymentV2: [lost], trackPaymentV2: [refusal('track-unknown')] });
  expect(await driver.attempt(request())).toMatchObject({ status: 'failed', reason: 'error' });
});

test('a node that does not come back leaves the outcome unknown', async () => {
  const lost = toLightningError({ code: 14, details: 'Connection dropped' }, 'payments.pay');
  const { driver, clock, asked } = scripted({ sendPaymentV2: [lost], trackPaymentV2: [refusal('away')] });
  const outcome = driver.attempt(request(1_000));
  await expect.poll(() => asked.length).toBeGreaterThan(1);
  await expect
    .poll(() => {
      clock.advance(500);
      return Promise.race([outcome, Promise.resolve(undefined)]);
    })
    .toMatchObject({ status: 'unknown' });
});

test('what lnd refuses before it begins is a reason or an error, and nothing is in flight', async () => {
  const attempt = (name: string) =>
    scripted({ sendPaymentV2: [refusal(name)], trackPaymentV2: [refusal('track-unknown')] }).driver.attempt(request());
  expect(await attempt('pay-expired')).toMatchObject({ status: 'failed', reason: 'expired' });
  expect(await attempt('pay-own')).toMatchObject({ status: 'failed', reason: 'self-payment' });
  await expect(attempt('invoice-macaroon')).rejects.toMatchObject({ code: 'UNAUTHENTICATED', retry: 'never' });
  await expect(attempt('away')).rejects.toMatchObject({ code: 'UNAVAILABLE', retry: 'safe' });
});

test('a hash that lnd does not know is looked up as undefined', async () => {
  const { driver } = scripted({ trackPaymentV2: [refusal('track-unknown')] });
  expect(await driver.lookup(decodeInvoice(settled.payment_request, 'regtest').paymentHash)).toBeUndefined();
});
