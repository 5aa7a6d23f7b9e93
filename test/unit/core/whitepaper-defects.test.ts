import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSimulatedNetwork, type SimulatedNetwork } from '../../../src/app/simulated-network.ts';
import type { LightningBackend } from '../../../src/core/lightning/backend.ts';
import { LightningError } from '../../../src/core/lightning/errors.ts';
import { paymentHash } from '../../../src/core/lightning/identifiers.ts';
import { eventually, payNow } from '../../contract/support.ts';
import { Buyer, type Message } from '../../contract/tickerplant-flow/buyer.ts';
import { type FlowOptions, type FlowServer, startFlowServer } from '../../contract/tickerplant-flow/server.ts';

/** What the KX whitepaper's own code gets wrong, and we must not. */
let network: SimulatedNetwork;
let [seller, payer]: LightningBackend[] = [];

beforeAll(async () => {
  network = await openSimulatedNetwork();
  [seller, payer] = [await network.backend('seller'), await network.backend('buyer')];
});
afterAll(() => network[Symbol.asyncDispose]());

const backend = (each: LightningBackend | undefined): LightningBackend => each ?? expect.fail('the network is not up');
const serve = (options?: FlowOptions): Promise<FlowServer> => startFlowServer(backend(seller), options);
const pay = (quote: Message) => payNow(backend(payer), quote['invoice'] as string);

test('an invoice that is open or cancelled is not a paid one', async () => {
  await using server = await serve();
  await using buyer = await Buyer.connect(server.url);
  const open = await buyer.quote(['AAPL']);
  const cancelled = await buyer.quote(['GOOGL']);
  await backend(seller).invoices.cancel(paymentHash(cancelled['paymentHash'] as string));
  const paid = await buyer.quote(['MSFT']);
  await pay(paid);
  await buyer.active(paid);
  server.tick(1, 'AAPL', 'GOOGL', 'MSFT');
  await buyer.reaches('MSFT', 1);
  expect(Object.keys(buyer.numbers())).toEqual(['MSFT']);
  expect(open.op).toBe('quote');
});

test('subscribing again touches neither what is paid nor what is pending', async () => {
  await using server = await serve();
  await using buyer = await Buyer.connect(server.url);
  const first = await buyer.quote(['AAPL']);
  await pay(first);
  await buyer.active(first);
  const second = await buyer.quote(['GOOGL']);
  const third = await buyer.quote(['MSFT']);
  server.tick(1, 'AAPL');
  await buyer.reaches('AAPL', 1);
  await pay(second);
  await buyer.active(second);
  await pay(third);
  await buyer.active(third);
  server.tick(2, 'AAPL', 'GOOGL', 'MSFT');
  for (const sym of ['AAPL', 'GOOGL', 'MSFT']) await eventually(sym, () => buyer.numbers()[sym]?.length);
});

test('the wildcard is not the price of one symbol', async () => {
  await using server = await serve();
  await using buyer = await Buyer.connect(server.url);
  expect((await buyer.quote('*'))['amountMsat']).toBe('300000');
});

test('a connection that comes after inherits nothing of one that has gone', async () => {
  await using server = await serve();
  const first = await Buyer.connect(server.url);
  const quote = await first.quote(['AAPL']);
  await first.drop();
  await using second = await Buyer.connect(server.url);
  await second.quote(['MSFT']);
  await pay(quote);
  await eventually('the payment has taken effect', () => server.tickerplant.counters.settled === 1);
  server.tick(1, 'AAPL');
  expect((await second.ask({ op: 'ping' })).op).toBe('pong');
  expect(second.numbers()).toEqual({});
});

test('while an invoice is being made, rows are published', async () => {
  const slow: LightningBackend = {
    ...backend(seller),
    invoices: new Proxy(backend(seller).invoices, {
      get(invoices, name: keyof LightningBackend['invoices']) {
        if (name !== 'create') return invoices[name].bind(invoices);
        return async (...request: Parameters<typeof invoices.create>) => {
          await gate.promise;
          return await invoices.create(...request);
        };
      },
    }),
  };
  const gate = Promise.withResolvers<void>();
  gate.resolve();
  await using server = await startFlowServer(slow);
  await using buyer = await Buyer.connect(server.url);
  const quote = await buyer.quote(['AAPL']);
  await pay(quote);
  await buyer.active(quote);
  const closed = Promise.withResolvers<void>();
  gate.promise = closed.promise;
  const asking = buyer.quote(['MSFT']);
  server.tick(1, 'AAPL');
  await buyer.reaches('AAPL', 1);
  closed.resolve();
  expect((await asking).op).toBe('quote');
});

test('a node that is away is not asked again and again', async () => {
  let asked = 0;
  const away: LightningBackend = {
    ...backend(seller),
    invoices: new Proxy(backend(seller).invoices, {
      get(invoices, name: keyof LightningBackend['invoices']) {
        if (name !== 'create') return invoices[name].bind(invoices);
        return async () => {
          asked += 1;
          throw new LightningError('UNAVAILABLE', 'away', { operation: 'create' });
        };
      },
    }),
  };
  await using server = await startFlowServer(away);
  await using buyer = await Buyer.connect(server.url);
  for (let index = 0; index < 10; index += 1) {
    const answer = await buyer.ask({ op: 'sub', table: 'trade', syms: ['AAPL'] });
    expect(answer).toMatchObject({ op: 'error', code: 'NODE_UNAVAILABLE', retry: 'later' });
  }
  expect(asked).toBeLessThan(6);
});

test('nobody can mint invoices without limit', async () => {
  await using server = await serve({ limits: { quoteBurstPerAddress: 3, quotesPerSecondPerAddress: 0.001 } });
  const codes: unknown[] = [];
  for (let index = 0; index < 5; index += 1) {
    await using buyer = await Buyer.connect(server.url);
    const answer = await buyer.ask({ op: 'sub', table: 'trade', syms: ['AAPL'] });
    codes.push(answer['code']);
  }
  expect(codes).toEqual([undefined, undefined, undefined, 'RATE_LIMITED', 'RATE_LIMITED']);
});

test('a connection can not hold quotes without limit', async () => {
  await using server = await serve({ limits: { openQuotesPerConnection: 2 } });
  await using buyer = await Buyer.connect(server.url);
  await buyer.quote(['AAPL']);
  await buyer.quote(['AAPL']);
  expect(await buyer.ask({ op: 'sub', table: 'trade', syms: ['AAPL'] })).toMatchObject({ op: 'error', code: 'TOO_MANY' });
});
