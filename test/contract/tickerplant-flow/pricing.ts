import assert from 'node:assert/strict';
import { msat } from '../../../src/core/lightning/amount.ts';
import type { TableDefinition, TickPricing, TimePricing } from '../../../src/core/tickerplant/schema.ts';
import type { ContractCase } from '../case.ts';
import type { ContractNetwork } from '../network.ts';
import { eventually, payNow } from '../support.ts';
import { assertRun, Buyer, type Message } from './buyer.ts';
import { bought, flowCase } from './flow-case.ts';
import { oddInvoices } from './odd-invoices.ts';
import { type FlowOptions, type FlowServer, TRADE } from './server.ts';

const DAY_MS = 86_400_000;
const LONG_MS = 90_000;
const ROW_MSAT = 1_000n;

function byTime(change: Partial<TimePricing>): FlowOptions {
  const pricing = { kind: 'time', msat: 20_000n, perMs: 3_600_000, renewBeforeMs: 0, graceMs: 0, replayMs: DAY_MS, ...change } as const;
  return { tables: [{ ...TRADE, pricing }] };
}

/** So many rows are prepaid with each invoice, and a top-up is offered when less than that many are left. */
function byRow(prepaid: bigint, topUpBelow: bigint): { readonly tables: readonly TableDefinition[] } {
  const pricing: TickPricing = {
    kind: 'tick',
    msat: ROW_MSAT,
    prepayMsat: prepaid * ROW_MSAT,
    topUpBelowMsat: topUpBelow * ROW_MSAT,
    lastsMs: DAY_MS,
    replayMs: DAY_MS,
  };
  return { tables: [{ ...TRADE, pricing }] };
}

function ticks(server: FlowServer, from: number, to: number, ...syms: readonly string[]): void {
  for (let price = from; price <= to; price += 1) server.tick(price, ...syms);
}

const offered = (buyer: Buyer, reason: 'renewal' | 'top-up'): Promise<Message> =>
  buyer.message(`a ${reason}`, (message) => message.op === 'quote' && message['reason'] === reason, LONG_MS);

const balance = (buyer: Buyer, state: string, amount?: bigint): Promise<Message> =>
  buyer.message(
    `balance ${state} ${amount ?? ''}`,
    (message) => message.op === 'balance' && message['state'] === state && (amount === undefined || message['msat'] === String(amount)),
  );

/** Goes on with a subscription on a connection of its own, and waits for what the server says is left of the balance. */
async function leftAfter(server: FlowServer, quote: Message, seqs: Readonly<Record<string, number>>, epoch: unknown, left: bigint) {
  const buyer = await Buyer.connect(server.url);
  const resumed = await buyer.ask({ op: 'resume', token: quote['token'], after: { trade: { epoch, seqs } } });
  assert.equal(resumed.op, 'resumed', JSON.stringify(resumed));
  await balance(buyer, 'ok', left);
  return buyer;
}

/** Waits until a moment that the server named is over. */
function isOver(iso: unknown): Promise<unknown> {
  const end = Date.parse(iso as string);
  return eventually(`${iso} is over`, () => Date.now() > end, LONG_MS);
}

async function paid(network: ContractNetwork, buyer: Buyer, quote: Message): Promise<Message> {
  await payNow(network.payer.backend, quote['invoice'] as string);
  return await buyer.active(quote);
}

/** The ways to pay: for a time, by the row, several at once; and money that does not come as it was asked for. */
export const pricingCases: readonly ContractCase[] = [
  flowCase(
    'what is paid for a time is renewed before it ends, and goes on without a gap',
    async (server, network) => {
      const { buyer, quote, active } = await bought(server, network, ['AAPL', 'GOOGL']);
      assert.deepEqual(quote['pricing'], { kind: 'time', msat: '20000', perMs: 6_000, graceMs: 4_000 });
      server.tick(1, 'AAPL');
      const renewal = await offered(buyer, 'renewal');
      assert.equal(renewal['id'], undefined);
      assert.equal(renewal['amountMsat'], '40000');
      assert.deepEqual(renewal['syms'], ['AAPL', 'GOOGL']);
      assert.equal(renewal['subscription'], quote['subscription']);
      const renewed = await paid(network, buyer, renewal);
      assert.equal(Date.parse(renewed['until'] as string), Date.parse(active['until'] as string) + 6_000);
      server.tick(2, 'AAPL');
      await buyer.message('its end', (message) => message.op === 'expired' && message['quote'] === quote['quote'], LONG_MS);
      server.tick(3, 'AAPL');
      await buyer.reaches('AAPL', 3);
      assertRun(buyer.numbers()['AAPL'], 1, 3);
      assert.ok(!buyer.received.some((message) => message.op === 'gap'));
      await buyer.drop();
    },
    byTime({ perMs: 6_000, renewBeforeMs: 5_900, graceMs: 4_000 }),
  ),
  flowCase(
    'without a renewal rows go on for the grace, and then end',
    async (server, network) => {
      const { buyer, quote, active } = await bought(server, network, ['AAPL']);
      server.tick(1, 'AAPL');
      await buyer.reaches('AAPL', 1);
      await isOver(active['until']);
      server.tick(2, 'AAPL');
      await buyer.reaches('AAPL', 2);
      await buyer.message('its end', (message) => message.op === 'expired' && message['quote'] === quote['quote'], LONG_MS);
      server.tick(3, 'AAPL');
      assert.equal((await buyer.ask({ op: 'ping' })).op, 'pong');
      assertRun(buyer.numbers()['AAPL'], 1, 2);
      await buyer.drop();
    },
    byTime({ perMs: 2_000, graceMs: 5_000 }),
  ),
  flowCase(
    'by the row: what was delivered is billed, once, and nothing else',
    async (server, network) => {
      const { buyer, quote, active } = await bought(server, network, ['AAPL']);
      assert.deepEqual(quote['pricing'], { kind: 'tick', msat: '1000', prepayMsat: '100000' });
      assert.equal(quote['amountMsat'], '100000');
      await balance(buyer, 'ok', 100_000n);
      ticks(server, 1, 30, 'AAPL', 'MSFT');
      await buyer.reaches('AAPL', 30);
      await buyer.ask({ op: 'ping' });
      await buyer.drop();
      // Twenty of them once more: their replay is free.
      const again = await leftAfter(server, quote, { AAPL: 10 }, active['epoch'], 70_000n);
      await again.reaches('AAPL', 30);
      assertRun(again.numbers()['AAPL'], 11, 30);
      await again.ask({ op: 'ping' });
      await again.drop();
      const last = await leftAfter(server, quote, { AAPL: 30 }, active['epoch'], 70_000n);
      assert.deepEqual(last.numbers(), {});
      await last.drop();
    },
    byRow(100n, 20n),
  ),
  flowCase(
    'a top-up is offered before the balance is used up, and rows go on without a gap',
    async (server, network) => {
      const { buyer, quote } = await bought(server, network, ['AAPL']);
      ticks(server, 1, 12, 'AAPL');
      await buyer.reaches('AAPL', 12);
      const topUp = await offered(buyer, 'top-up');
      assert.equal(topUp['amountMsat'], '20000');
      assert.equal(topUp['subscription'], quote['subscription']);
      assert.ok(buyer.received.some((message) => message.op === 'balance' && message['state'] === 'low'));
      await paid(network, buyer, topUp);
      await balance(buyer, 'ok', 28_000n);
      ticks(server, 13, 40, 'AAPL');
      await buyer.reaches('AAPL', 40);
      assertRun(buyer.numbers()['AAPL'], 1, 40);
      assert.ok(!buyer.received.some((message) => message.op === 'gap'));
      await buyer.drop();
    },
    byRow(20n, 10n),
  ),
  flowCase(
    'with the balance used up rows stop; after a top-up they go on, and what was missed is told',
    async (server, network) => {
      const { buyer } = await bought(server, network, ['AAPL']);
      ticks(server, 1, 8, 'AAPL');
      await balance(buyer, 'dry');
      const topUp = await offered(buyer, 'top-up');
      assertRun(buyer.numbers()['AAPL'], 1, 5);
      const { next } = await paid(network, buyer, topUp);
      assert.deepEqual(next, { AAPL: 9 });
      server.tick(9, 'AAPL');
      await buyer.reaches('AAPL', 9);
      assert.deepEqual(buyer.numbers()['AAPL'], [1, 2, 3, 4, 5, 9]);
      const gap = await buyer.message('the gap', (message) => message.op === 'gap');
      assert.deepEqual([gap['from'], gap['to'], gap['reason']], [6, 8, 'balance']);
      await buyer.drop();
    },
    byRow(5n, 2n),
  ),
  flowCase(
    'a balance survives lost connections and restarts of the server',
    async (server, network) => {
      const { buyer, quote, active } = await bought(server, network, ['AAPL']);
      ticks(server, 1, 10, 'AAPL');
      await buyer.reaches('AAPL', 10);
      await buyer.ask({ op: 'ping' });
      await buyer.drop();
      const second = await leftAfter(server, quote, { AAPL: 10 }, active['epoch'], 90_000n);
      ticks(server, 11, 15, 'AAPL');
      await second.reaches('AAPL', 15);
      await second.ask({ op: 'ping' });
      await server.restart();
      const third = await leftAfter(server, quote, { AAPL: 15 }, active['epoch'], 85_000n);
      ticks(server, 16, 17, 'AAPL');
      await third.reaches('AAPL', 17);
      assertRun(third.numbers()['AAPL'], 16, 17);
      await third.drop();
      await second.drop();
    },
    byRow(100n, 20n),
  ),
  flowCase(
    'one invoice buys several tables, each with a pricing of its own',
    async (server, network) => {
      await using buyer = await Buyer.connect(server.url);
      const quote = await buyer.ask({ op: 'sub', table: '*', syms: ['AAPL'] });
      const parts = quote['tables'] as readonly Readonly<Record<string, unknown>>[];
      const prices = Object.fromEntries(parts.map((part) => [part['table'], part['amountMsat']]));
      assert.deepEqual(prices, { trade: '100000', quote: '20000', depth: '50000' });
      assert.equal(quote['amountMsat'], '170000');
      const kinds = parts.map((part) => (part['pricing'] as { readonly kind: string }).kind);
      assert.deepEqual(kinds.sort(), ['flat', 'tick', 'time']);
      await payNow(network.payer.backend, quote['invoice'] as string);
      for (const table of ['trade', 'quote', 'depth']) {
        await buyer.message(`active ${table}`, (message) => message.op === 'active' && message['table'] === table);
        server.tickerplant.publish(table, [[new Date().toISOString(), 'AAPL', 1, 100]]);
        await buyer.message(`a row of ${table}`, (message) => message.op === 'upd' && message['table'] === table);
      }
      await balance(buyer, 'ok', 50_000n);
    },
    {
      tables: [TRADE, { ...TRADE, name: 'quote', ...only(byTime({})) }, { ...TRADE, name: 'depth', ...only(byRow(50n, 10n)) }],
    },
  ),
  flowCase(
    'a buyer chooses among the ways to pay that a table has',
    async (server) => {
      await using buyer = await Buyer.connect(server.url);
      assert.equal((await buyer.quote(['AAPL']))['amountMsat'], '100000');
      await using other = await Buyer.connect(server.url);
      assert.equal((await other.quote(['AAPL'], { pricing: 'tick' }))['amountMsat'], '50000');
      const refused = await other.ask({ op: 'sub', table: 'trade', syms: ['GOOGL'], pricing: 'time' });
      assert.equal(refused['code'], 'BAD_REQUEST');
      assert.match(String(refused['message']), /flat.*tick/);
    },
    { tables: [{ ...TRADE, pricing: [flat(TRADE), only(byRow(50n, 10n)).pricing as TickPricing] }] },
  ),
  flowCase('the last row of each symbol comes with the payment, before what follows it', async (server, network) => {
    ticks(server, 1, 3, 'AAPL');
    const { buyer, quote } = await bought(server, network, ['AAPL', 'MSFT']);
    const snapshot = await buyer.message('a snapshot', (message) => message.op === 'snapshot');
    server.tick(4, 'AAPL', 'MSFT');
    await buyer.reaches('AAPL', 4);
    await buyer.reaches('MSFT', 1);
    assert.deepEqual([snapshot['sym'], snapshot['seq']], ['AAPL', 3]);
    assert.deepEqual(
      (snapshot['rows'] as readonly (readonly unknown[])[]).map((row) => row[2]),
      [3],
    );
    const order = buyer.received.filter((message) => ['active', 'snapshot', 'upd'].includes(message.op)).map((message) => message.op);
    assert.deepEqual(order, ['active', 'snapshot', 'upd', 'upd'], quote['quote'] as string);
    assertRun(buyer.numbers()['AAPL'], 4, 4);
    const { buyer: without } = await bought(server, network, ['AAPL'], { snapshot: false });
    server.tick(5, 'AAPL');
    await without.reaches('AAPL', 5);
    assert.ok(!without.received.some((message) => message.op === 'snapshot'));
    await buyer.drop();
    await without.drop();
  }),
  flowCase(
    'a payment that comes too late is honoured',
    async (server, network) => {
      await using buyer = await Buyer.connect(server.url);
      const quote = await buyer.quote(['AAPL']);
      await buyer.message('expired', (message) => message.op === 'expired' && message['quote'] === quote['quote'], LONG_MS);
      await paid(network, buyer, quote);
      server.tick(1, 'AAPL');
      await buyer.reaches('AAPL', 1);
    },
    { quoteExpirySeconds: 2, seller: oddInvoices('lasting') },
  ),
  flowCase(
    'a payment that comes too late is credited where the seller wants it so, and lowers the next price',
    async (server, network) => {
      await using buyer = await Buyer.connect(server.url);
      const late = await buyer.quote(['AAPL']);
      await buyer.message('expired', (message) => message.op === 'expired' && message['quote'] === late['quote'], LONG_MS);
      await payNow(network.payer.backend, late['invoice'] as string);
      const credit = await buyer.message('the credit', (message) => message.op === 'credit', LONG_MS);
      assert.deepEqual([credit['quote'], credit['msat'], credit['reason'], credit['outcome']], [late['quote'], '100000', 'late', 'credit']);
      const next = await buyer.quote(['AAPL', 'GOOGL']);
      assert.deepEqual([next['amountMsat'], next['creditMsat']], ['100000', '100000']);
      server.tick(1, 'AAPL');
      assert.deepEqual(buyer.numbers(), {});
    },
    { quoteExpirySeconds: 2, seller: oddInvoices('lasting'), settlements: { late: 'credit' } },
  ),
  flowCase(
    'what is paid too much is credited, and lowers the next price',
    async (server, network) => {
      await using buyer = await Buyer.connect(server.url);
      const quote = await buyer.quote(['AAPL']);
      await payNow(network.payer.backend, quote['invoice'] as string, { amountMsat: msat(130_000) });
      await buyer.active(quote);
      const credit = await buyer.message('the credit', (message) => message.op === 'credit');
      assert.deepEqual([credit['msat'], credit['reason'], credit['outcome']], ['30000', 'overpaid', 'credit']);
      const next = await buyer.quote(['GOOGL']);
      assert.deepEqual([next['amountMsat'], next['creditMsat']], ['70000', '30000']);
      await payNow(network.payer.backend, next['invoice'] as string, { amountMsat: msat(70_000) });
      await buyer.active(next);
      server.tick(1, 'AAPL', 'GOOGL');
      await buyer.reaches('GOOGL', 1);
      await buyer.reaches('AAPL', 1);
    },
    { seller: oddInvoices('open') },
  ),
];

function only({ tables }: FlowOptions): Pick<TableDefinition, 'pricing'> {
  const [table = TRADE] = tables ?? [];
  return { pricing: table.pricing };
}

function flat({ pricing }: TableDefinition) {
  return 'kind' in pricing ? pricing : pricing[0];
}
