import assert from 'node:assert/strict';
import { type ContractCase, has } from '../case.ts';
import { AMPLE_FEE, eventually, payNow } from '../support.ts';
import { assertRun, Buyer } from './buyer.ts';
import { bought, flowCase } from './flow-case.ts';
import { pricingCases } from './pricing.ts';
import { TRADE } from './server.ts';

const FOREVER_ENOUGH = 90_000;

/** Subscribe, pay, publish: what a buyer and a seller may rely on, with payer and payee on any backends. */
export const tickerplantFlowCases: readonly ContractCase[] = [
  flowCase('a buyer subscribes, pays over a third node, and gets exactly what was paid for', async (server, network) => {
    await using buyer = await Buyer.connect(server.url);
    const quote = await buyer.quote(['AAPL', 'GOOGL']);
    assert.equal(quote['amountMsat'], '200000');
    assert.deepEqual(quote['syms'], ['AAPL', 'GOOGL']);
    assert.deepEqual(quote['schema'], TRADE.columns);
    const decoded = await network.payer.backend.payments.decode(quote['invoice'] as string);
    assert.equal(decoded.amountMsat, 200_000n);
    assert.equal(decoded.paymentHash, quote['paymentHash']);
    assert.equal(decoded.description, 'Invoice:trade| AAPL GOOGL');
    server.tick(1, 'AAPL', 'GOOGL', 'MSFT');
    await payNow(network.payer.backend, quote['invoice'] as string);
    const active = await buyer.active(quote);
    assert.deepEqual(active['next'], { AAPL: 2, GOOGL: 2 });
    server.tick(2, 'AAPL', 'GOOGL', 'MSFT');
    server.tick(3, 'AAPL', 'MSFT');
    await buyer.reaches('AAPL', 3);
    await buyer.reaches('GOOGL', 2);
    assert.deepEqual(Object.keys(buyer.numbers()).sort(), ['AAPL', 'GOOGL']);
    const update = await buyer.message('an update', (message) => message.op === 'upd' && message['sym'] === 'AAPL');
    const [row] = update['rows'] as readonly (readonly unknown[])[];
    assert.match(String(row?.[0]), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    assert.deepEqual(row?.slice(1), ['AAPL', 2, 100]);
  }),
  flowCase('who has not paid gets no row', async (server, network) => {
    await using stranger = await Buyer.connect(server.url);
    await stranger.quote('*');
    const { buyer } = await bought(server, network, ['AAPL']);
    server.tick(1, 'AAPL', 'GOOGL', 'MSFT');
    await buyer.reaches('AAPL', 1);
    const pong = await stranger.ask({ op: 'ping' });
    assert.equal(pong.op, 'pong');
    assert.deepEqual(stranger.numbers(), {});
    await buyer.drop();
  }),
  flowCase('several buyers get each their own symbols', async (server, network) => {
    const first = await bought(server, network, ['AAPL']);
    const second = await bought(server, network, ['MSFT', 'GOOGL']);
    server.tick(1, 'AAPL', 'GOOGL', 'MSFT');
    await first.buyer.reaches('AAPL', 1);
    await second.buyer.reaches('MSFT', 1);
    await second.buyer.reaches('GOOGL', 1);
    assert.deepEqual(Object.keys(first.buyer.numbers()), ['AAPL']);
    assert.deepEqual(Object.keys(second.buyer.numbers()).sort(), ['GOOGL', 'MSFT']);
    await first.buyer.drop();
    await second.buyer.drop();
  }),
  flowCase('the wildcard costs as much as the symbols that it stands for', async (server, network) => {
    const { buyer, quote } = await bought(server, network, '*');
    assert.equal(quote['amountMsat'], '300000');
    assert.deepEqual(quote['syms'], ['AAPL', 'GOOGL', 'MSFT']);
    server.tick(1, 'AAPL', 'GOOGL', 'MSFT');
    for (const sym of ['AAPL', 'GOOGL', 'MSFT']) await buyer.reaches(sym, 1);
    await buyer.drop();
  }),
  flowCase('symbols add up, and only what is new is charged', async (server, network) => {
    const { buyer, quote } = await bought(server, network, ['AAPL']);
    const more = await buyer.quote(['AAPL', 'GOOGL']);
    assert.equal(more['amountMsat'], '100000');
    assert.equal(more['subscription'], quote['subscription']);
    server.tick(1, 'AAPL', 'GOOGL');
    await buyer.reaches('AAPL', 1);
    assert.equal(buyer.numbers()['GOOGL'], undefined, 'a symbol came before it was paid');
    await payNow(network.payer.backend, more['invoice'] as string);
    await buyer.active(more);
    server.tick(2, 'AAPL', 'GOOGL');
    await buyer.reaches('AAPL', 2);
    await buyer.reaches('GOOGL', 2);
    assertRun(buyer.numbers()['AAPL'], 1, 2);
    await buyer.drop();
  }),
  flowCase('subscribing again to what is paid costs nothing and loses nothing', async (server, network) => {
    const { buyer, quote } = await bought(server, network, ['AAPL']);
    const again = await buyer.ask({ op: 'sub', table: 'trade', syms: ['AAPL'] });
    assert.equal(again.op, 'active');
    assert.equal(again['quote'], quote['quote']);
    server.tick(1, 'AAPL');
    await buyer.reaches('AAPL', 1);
    await buyer.drop();
  }),
  flowCase('the same key gives the same quote', async (server) => {
    await using buyer = await Buyer.connect(server.url);
    const key = `key-${'k'.repeat(20)}-${Math.random()}`;
    const first = await buyer.quote(['AAPL'], { key });
    const second = await buyer.quote(['AAPL'], { key });
    assert.equal(second['quote'], first['quote']);
    assert.equal(second['invoice'], first['invoice']);
    await using elsewhere = await Buyer.connect(server.url);
    assert.equal((await elsewhere.quote(['AAPL'], { key }))['quote'], first['quote']);
    const other = await buyer.ask({ op: 'sub', table: 'trade', syms: ['MSFT'], key });
    assert.equal(other['code'], 'KEY_REUSED');
  }),
  flowCase('a dropped connection loses nothing', async (server, network) => {
    const { buyer, quote, active } = await bought(server, network, ['AAPL']);
    server.tick(1, 'AAPL');
    server.tick(2, 'AAPL');
    await buyer.reaches('AAPL', 2);
    await buyer.drop();
    for (let price = 3; price <= 40; price += 1) server.tick(price, 'AAPL', 'MSFT');
    await using again = await Buyer.connect(server.url);
    const after = { trade: { epoch: active['epoch'], seqs: { AAPL: 2 } } };
    const resumed = await again.ask({ op: 'resume', token: quote['token'], after });
    assert.equal(resumed.op, 'resumed');
    assert.equal(resumed['subscription'], quote['subscription']);
    for (let price = 41; price <= 50; price += 1) server.tick(price, 'AAPL', 'MSFT');
    await again.reaches('AAPL', 50);
    assertRun(again.numbers()['AAPL'], 3, 50);
  }),
  flowCase('who pays and loses the connection has what came since the payment', async (server, network) => {
    const buyer = await Buyer.connect(server.url);
    const quote = await buyer.quote(['AAPL']);
    await buyer.drop();
    server.tick(1, 'AAPL');
    await payNow(network.payer.backend, quote['invoice'] as string);
    await eventually('it has taken effect', () => server.tickerplant.counters.settled === 1);
    server.tick(2, 'AAPL');
    await using again = await Buyer.connect(server.url);
    assert.equal((await again.ask({ op: 'resume', token: quote['token'], after: {} })).op, 'resumed');
    server.tick(3, 'AAPL');
    await again.reaches('AAPL', 3);
    assertRun(again.numbers()['AAPL'], 2, 3);
  }),
  flowCase('a token is worth nothing before it is paid, and a stranger’s never', async (server) => {
    await using buyer = await Buyer.connect(server.url);
    const quote = await buyer.quote(['AAPL']);
    await using other = await Buyer.connect(server.url);
    assert.equal((await other.ask({ op: 'resume', token: quote['token'], after: {} }))['code'], 'NOT_SETTLED');
    assert.equal((await other.ask({ op: 'resume', token: 'AAAA', after: {} }))['code'], 'BAD_TOKEN');
  }),
  flowCase('the newest connection of a subscription wins', async (server, network) => {
    const { buyer, quote } = await bought(server, network, ['AAPL']);
    await using newer = await Buyer.connect(server.url);
    await newer.ask({ op: 'resume', token: quote['token'], after: {} });
    await buyer.message('superseded', (message) => message.op === 'superseded' && message['subscription'] === quote['subscription']);
    server.tick(1, 'AAPL');
    await newer.reaches('AAPL', 1);
    assert.deepEqual(buyer.numbers(), {});
    await buyer.drop();
  }),
  flowCase('unsubscribing stops delivery; what is paid stays paid', async (server, network) => {
    const { buyer, quote } = await bought(server, network, ['AAPL', 'GOOGL']);
    const answer = await buyer.ask({ op: 'unsub', subscription: quote['subscription'], table: 'trade', syms: ['GOOGL'] });
    assert.equal(answer.op, 'unsubscribed');
    server.tick(1, 'AAPL', 'GOOGL');
    await buyer.reaches('AAPL', 1);
    assert.equal(buyer.numbers()['GOOGL'], undefined);
    assert.equal((await buyer.ask({ op: 'sub', table: 'trade', syms: ['GOOGL'] })).op, 'active');
    server.tick(2, 'AAPL', 'GOOGL');
    await buyer.reaches('GOOGL', 2);
    assertRun(buyer.numbers()['GOOGL'], 2, 2);
    await buyer.drop();
  }),
  flowCase(
    'a quote that runs out is told, and its invoice can not be paid any more',
    async (server, network) => {
      await using buyer = await Buyer.connect(server.url);
      const quote = await buyer.quote(['AAPL']);
      await buyer.message('expired', (message) => message.op === 'expired' && message['quote'] === quote['quote'], FOREVER_ENOUGH);
      const outcome = await network.payer.backend.payments.pay({ paymentRequest: quote['invoice'] as string, maxFeeMsat: AMPLE_FEE });
      assert.equal(outcome.status, 'failed');
      server.tick(1, 'AAPL');
      assert.deepEqual(buyer.numbers(), {});
    },
    { quoteExpirySeconds: 2 },
  ),
  flowCase(
    'what was bought ends when its time is over',
    async (server, network) => {
      const { buyer, quote } = await bought(server, network, ['AAPL']);
      server.tick(1, 'AAPL');
      await buyer.reaches('AAPL', 1);
      await buyer.message('ended', (message) => message.op === 'expired' && message['quote'] === quote['quote'], FOREVER_ENOUGH);
      server.tick(2, 'AAPL');
      assert.equal((await buyer.ask({ op: 'ping' })).op, 'pong');
      assertRun(buyer.numbers()['AAPL'], 1, 1);
      await using again = await Buyer.connect(server.url);
      assert.equal((await again.ask({ op: 'resume', token: quote['token'], after: {} }))['code'], 'TOKEN_EXPIRED');
      await buyer.drop();
    },
    { tables: [{ ...TRADE, pricing: { kind: 'flat', msat: 100_000n, lastsMs: 4_000, replayMs: 86_400_000 } }] },
  ),
  flowCase('the end of the day is told once to who has something', async (server, network) => {
    await using stranger = await Buyer.connect(server.url);
    await stranger.quote(['AAPL']);
    const { buyer } = await bought(server, network, ['AAPL', 'GOOGL']);
    server.tick(1, 'AAPL');
    server.tickerplant.endOfDay('2026-11-20');
    server.tick(2, 'AAPL');
    await buyer.reaches('AAPL', 2);
    const ends = buyer.received.filter((message) => message.op === 'end');
    assert.deepEqual(
      ends.map((message) => message['date']),
      ['2026-11-20'],
    );
    assertRun(buyer.numbers()['AAPL'], 1, 2);
    assert.equal((await stranger.ask({ op: 'ping' })).op, 'pong');
    assert.ok(!stranger.received.some((message) => message.op === 'end'));
    await buyer.drop();
  }),
  flowCase('a restart of the server loses neither grant nor row nor number', async (server, network) => {
    const { buyer, quote, active } = await bought(server, network, ['AAPL']);
    server.tick(1, 'AAPL');
    await buyer.reaches('AAPL', 1);
    server.tick(2, 'AAPL');
    await server.restart();
    server.tick(3, 'AAPL');
    await using again = await Buyer.connect(server.url);
    await again.ask({ op: 'resume', token: quote['token'], after: { trade: { epoch: active['epoch'], seqs: { AAPL: 1 } } } });
    await again.reaches('AAPL', 3);
    assertRun(again.numbers()['AAPL'], 2, 3);
    await buyer.drop();
  }),
  flowCase('what is paid while the server is down takes effect when it is back', async (server, network) => {
    const buyer = await Buyer.connect(server.url);
    const quote = await buyer.quote(['AAPL']);
    await server.restart(async () => {
      await payNow(network.payer.backend, quote['invoice'] as string);
    });
    await eventually('it has taken effect', () => server.tickerplant.counters.settled === 1);
    server.tick(1, 'AAPL');
    await using again = await Buyer.connect(server.url);
    await again.ask({ op: 'resume', token: quote['token'], after: {} });
    await again.reaches('AAPL', 1);
    await buyer.drop();
  }),
  flowCase('a settlement that is told twice grants once', async (server, network) => {
    const { buyer } = await bought(server, network, ['AAPL']);
    await server.restart();
    await eventually('settlements are followed', () => server.tickerplant.settlementStatus.state === 'live');
    assert.equal(server.tickerplant.counters.settled, 0);
    await buyer.drop();
  }),
  flowCase('a second copy is bought over the first buyer’s node', async (server, network) => {
    await using first = await Buyer.connect(server.url);
    const one = await first.quote(['MSFT']);
    await payNow(network.middle.backend, one['invoice'] as string);
    await first.active(one);
    const { buyer } = await bought(server, network, ['MSFT']);
    server.tick(1, 'MSFT');
    await first.reaches('MSFT', 1);
    await buyer.reaches('MSFT', 1);
    await buyer.drop();
  }),
  flowCase(
    'an invoice that was cancelled activates nothing',
    async (server, network) => {
      await using buyer = await Buyer.connect(server.url);
      const quote = await buyer.quote(['AAPL']);
      await network.payee.backend.invoices.cancel(quote['paymentHash'] as Parameters<typeof network.payee.backend.invoices.cancel>[0]);
      const { buyer: payer } = await bought(server, network, ['AAPL']);
      server.tick(1, 'AAPL');
      await payer.reaches('AAPL', 1);
      assert.equal((await buyer.ask({ op: 'ping' })).op, 'pong');
      assert.deepEqual(buyer.numbers(), {});
      await payer.drop();
    },
    { needs: [has('payee', 'cancelInvoice')] },
  ),
  ...pricingCases,
];
