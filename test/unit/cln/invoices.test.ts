import { afterEach, beforeEach, expect, test } from 'vitest';
import { ClnBackend } from '../../../src/adapters/cln/backend.ts';
import { clnConfigSchema } from '../../../src/adapters/cln/config.ts';
import { msat } from '../../../src/core/lightning/amount.ts';
import { paymentHash, preimage } from '../../../src/core/lightning/identifiers.ts';
import type { CreateInvoice } from '../../../src/core/lightning/invoice.ts';
import type { SettlementCursor, SettlementEvent, StreamStatus } from '../../../src/core/lightning/settlement.ts';
import { clnRecordings, named } from '../../fixtures/wire/recordings.ts';
import { dependencies, until } from '../shared/adapter-dependencies.ts';
import { type Answer, RpcServer, recorded } from './rpc-server.ts';

let server: RpcServer;
let cln: ClnBackend;
let parts: ReturnType<typeof dependencies>;

beforeEach(async () => {
  server = await RpcServer.started();
  parts = dependencies();
  cln = new ClnBackend(clnConfigSchema.parse({ kind: 'cln', socket: server.path }), parts);
});
afterEach(async () => {
  await cln[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const HASH = paymentHash('518d917cdcf7ad41b2ef2f12dd859d7e1a10c85da606108cedaeefd87501c090');
const REQUEST: CreateInvoice = {
  amountMsat: msat(200_500n),
  description: 'Invoice:trade| AAPL GOOGL\n',
  expirySeconds: 3600,
  label: 'inv-1795216545157',
};

test('an invoice is asked for with all that was asked, and in msat', async () => {
  server.on('invoice', () => recorded('invoice')).on('listpeerchannels', () => ({ result: { channels: [] } }));
  const secret = preimage('11'.repeat(32));
  const invoice = await cln.invoices.create({ ...REQUEST, preimage: secret, privateHints: true, finalCltvDelta: 20 });
  expect(server.called('invoice')).toEqual([
    {
      amount_msat: 200_500,
      label: 'inv-1795216545157',
      description: 'Invoice:trade| AAPL GOOGL\n',
      expiry: 3600,
      preimage: '11'.repeat(32),
      exposeprivatechannels: true,
      cltv: 20,
    },
  ]);
  expect(invoice).toMatchObject({ paymentHash: HASH, state: 'open', label: 'inv-1795216545157' });
});

test('hints of private channels are asked for by their names, and lightningd chooses where it can use none of them', async () => {
  const channel = (over: object) => ({ peer_id: `02${'ab'.repeat(32)}`, peer_connected: true, state: 'CHANNELD_NORMAL', ...over });
  const channels = [
    channel({ short_channel_id: '101x1x0', private: false }),
    channel({ short_channel_id: '102x1x0', private: true }),
    channel({ alias: { local: '1x2x3', remote: '4x5x6' }, private: true }),
    channel({ short_channel_id: '103x1x0', private: true, peer_connected: false }),
    channel({ state: 'CHANNELD_AWAITING_LOCKIN', private: true }),
  ];
  server.on('listpeerchannels', () => ({ result: { channels } }));
  server.on('invoice', ({ exposeprivatechannels }) =>
    exposeprivatechannels === true
      ? recorded('invoice')
      : { error: { code: 902, message: 'None of those hints were suitable local channels' } },
  );
  expect((await cln.invoices.create({ ...REQUEST, privateHints: true })).paymentHash).toBe(HASH);
  const asked = server.called('invoice').map((params) => (params as { exposeprivatechannels?: unknown }).exposeprivatechannels);
  expect(asked).toEqual([['102x1x0', '4x5x6'], true]);
});

test('the same label and the same wishes answer the first invoice, other wishes are refused', async () => {
  server.on('invoice', () => recorded('invoice duplicate label')).on('listinvoices', () => recorded('listinvoices by label'));
  expect((await cln.invoices.create(REQUEST)).paymentHash).toBe(HASH);
  await expect(cln.invoices.create({ ...REQUEST, amountMsat: msat(1n) })).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  await expect(cln.invoices.create({ ...REQUEST, amountMsat: 'any' })).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  await expect(cln.invoices.create({ ...REQUEST, description: 'other' })).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  await expect(cln.invoices.create({ ...REQUEST, expirySeconds: 60 })).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  await expect(cln.invoices.create({ ...REQUEST, preimage: preimage('22'.repeat(32)) })).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
});

test('a preimage that was used is refused', async () => {
  server.on('invoice', () => recorded('invoice duplicate preimage')).on('listinvoices', () => recorded('listinvoices unknown hash'));
  const request = { ...REQUEST, label: 'other', preimage: preimage('11'.repeat(32)) };
  await expect(cln.invoices.create(request)).rejects.toMatchObject({ code: 'ALREADY_EXISTS', operation: 'invoices.create' });
});

test('what the node cannot do is refused before it is asked', async () => {
  const hold = cln.invoices.create({ ...REQUEST, hold: { paymentHash: HASH } });
  await expect(hold).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  await expect(cln.invoices.create({ ...REQUEST, description: { sha256: 'ab'.repeat(32) } })).rejects.toMatchObject({
    code: 'UNSUPPORTED',
  });
  await expect(cln.invoices.settleHeld(preimage('11'.repeat(32)))).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  for (const bad of [{ expirySeconds: 0 }, { amountMsat: 0n as never }, { description: 'é'.repeat(320) }, { label: '' }]) {
    await expect(cln.invoices.create({ ...REQUEST, ...bad })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  }
  expect(server.called('invoice')).toEqual([]);
});

test('an unknown hash is undefined', async () => {
  server.on('listinvoices', () => recorded('listinvoices unknown hash'));
  expect(await cln.invoices.lookup(paymentHash('00'.repeat(32)))).toBeUndefined();
});

test('cancelling: open is withdrawn, again is nothing, expired is nothing, paid is a conflict, unknown is not found', async () => {
  server.on('listinvoices', () => recorded('listinvoices by hash')).on('delinvoice', () => recorded('delinvoice unpaid'));
  await cln.invoices.cancel(HASH);
  expect(server.called('delinvoice')).toEqual([{ label: 'inv-1795216545157', status: 'unpaid' }]);
  server.on('listinvoices', () => recorded('listinvoices unknown hash'));
  await cln.invoices.cancel(HASH);
  await expect(cln.invoices.cancel(paymentHash('00'.repeat(32)))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  server.on('listinvoices', () => recorded('listinvoices expired'));
  await cln.invoices.cancel(HASH);
  server.on('listinvoices', () => recorded('listinvoices paid'));
  await expect(cln.invoices.cancel(HASH)).rejects.toMatchObject({ code: 'CONFLICT' });
});

test('a payment that wins the race against cancelling is a conflict', async () => {
  server.on('listinvoices', () => recorded('listinvoices by hash')).on('delinvoice', () => recorded('delinvoice paid as unpaid'));
  await expect(cln.invoices.cancel(HASH)).rejects.toMatchObject({ code: 'CONFLICT' });
  server.on('delinvoice', () => recorded('delinvoice unknown'));
  await cln.invoices.cancel(HASH);
});

function invoicesFrom(count: number, status: (index: number) => string): (params: Readonly<Record<string, unknown>>) => Answer {
  const first = (named(clnRecordings(), 'listinvoices by hash').result as { invoices: object[] }).invoices[0];
  return ({ start, limit }) => {
    const invoices = [];
    for (let index = Number(start); index <= count && invoices.length < Number(limit); index++) {
      invoices.push({ ...first, created_index: index, label: `l${index}`, status: status(index) });
    }
    return { result: { invoices } };
  };
}

test('pages go on where the last one ended, also when most are of another state', async () => {
  server.on(
    'listinvoices',
    invoicesFrom(25, (index) => (index % 10 === 0 ? 'expired' : 'unpaid')),
  );
  const labels: (string | undefined)[] = [];
  let after: string | undefined;
  do {
    const page = await cln.invoices.list({ limit: 10, ...(after === undefined ? {} : { after }) });
    labels.push(...page.items.map((invoice) => invoice.label));
    after = page.next;
  } while (after !== undefined);
  expect(labels).toEqual(Array.from({ length: 25 }, (_, index) => `l${index + 1}`));
  const expired = await cln.invoices.list({ state: 'expired', limit: 2 });
  expect(expired.items.map((invoice) => invoice.label)).toEqual(['l10', 'l20']);
  await expect(cln.invoices.list({ after: 'nonsense' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});

/** A node whose invoices 1…paid are paid, of which some were deleted. */
class PaidInvoices {
  paid = 0;
  readonly deleted = new Set<number>();
  readonly #base = named(clnRecordings(), 'waitanyinvoice settles').result as object;
  #waiting: (() => void)[] = [];

  serve(on: RpcServer): void {
    on.on('wait', () => ({ result: { subsystem: 'invoices', updated: this.paid } }));
    on.on('listinvoices', ({ start, limit }) => {
      const invoices = this.#list()
        .filter((index) => index >= Number(start))
        .slice(0, Number(limit));
      return { result: { invoices: invoices.map((index) => this.#invoice(index)) } };
    });
    on.on('waitanyinvoice', async ({ lastpay_index, timeout }) => {
      const next = this.#list().find((index) => index > Number(lastpay_index));
      if (next !== undefined) return { result: this.#invoice(next) };
      if (Number(timeout) === 1) return recorded('waitanyinvoice timeout');
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      // Like the real one: whoever waits is told of the next paid one, whatever index it asked from.
      return { result: this.#invoice(this.paid) };
    });
  }

  pay(): void {
    this.paid++;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #list(): number[] {
    return Array.from({ length: this.paid }, (_, index) => index + 1).filter((index) => !this.deleted.has(index));
  }

  #invoice(index: number): object {
    return { ...this.#base, label: `p${index}`, pay_index: index, updated_index: index };
  }
}

class Collected {
  readonly events: SettlementEvent[] = [];
  readonly statuses: StreamStatus[] = [];
  readonly stop = new AbortController();
  readonly done: Promise<void>;

  constructor(after?: SettlementCursor) {
    const options = { signal: this.stop.signal, onStatus: (status: StreamStatus) => void this.statuses.push(status) };
    this.done = this.#run(cln.invoices.settlements(after === undefined ? options : { ...options, after }));
  }

  get labels(): (string | undefined)[] {
    return this.events.map((event) => (event.kind === 'caught-up' ? '|' : event.settlement.label));
  }

  async #run(events: AsyncIterable<SettlementEvent>): Promise<void> {
    for await (const event of events) this.events.push(event);
  }
}

test('settlements: the backlog in order, then caught up, then live ones, through a restart, none missed and none invented', async () => {
  const node = new PaidInvoices();
  node.serve(server);
  node.paid = 3;
  const first = new Collected();
  await until('caught up', () => first.labels.includes('|'));
  expect(first.labels).toEqual(['p1', 'p2', 'p3', '|']);
  await until('it waits', () => server.called('waitanyinvoice').some((params) => params['lastpay_index'] === 3));
  node.pay();
  await until('the live one', () => first.labels.length === 5);
  await server.stop();
  node.pay();
  node.pay();
  await until('it is seen as lost', () => first.statuses.at(-1)?.state === 'lost');
  await server.start();
  await until('caught up again', () => first.labels.filter((label) => label === '|').length === 2);
  expect(first.labels).toEqual(['p1', 'p2', 'p3', '|', 'p4', 'p5', 'p6', '|']);
  expect(first.events.at(-1)?.cursor).toBe('cln:6');
  first.stop.abort();
  await first.done;
  const resumed = new Collected(first.events[1]?.cursor);
  await until('caught up', () => resumed.labels.includes('|'));
  expect(resumed.labels).toEqual(['p3', 'p4', 'p5', 'p6', '|']);
  resumed.stop.abort();
  await resumed.done;
});

test('a cursor that is ahead of the node does not lose what is paid next', async () => {
  const node = new PaidInvoices();
  node.serve(server);
  node.paid = 2;
  const stream = new Collected('cln:1000' as SettlementCursor);
  await until('caught up', () => stream.labels.includes('|'));
  expect(stream.events[0]?.cursor).toBe('cln:2');
  expect(parts.logger.lines.some((line) => line.level === 'warn' && line.message.includes('ahead of the node'))).toBe(true);
  await until('it waits', () => server.called('waitanyinvoice').length > 0);
  node.pay();
  node.pay();
  await until('both are told', () => stream.labels.length >= 2 && stream.labels.at(-1) === 'p4');
  stream.stop.abort();
  await stream.done;
});

test('the head is the highest pay index; paid invoices that were deleted do not hold up catching up', async () => {
  const node = new PaidInvoices();
  node.serve(server);
  expect(await cln.invoices.settlementsHead()).toBe('cln:0');
  node.paid = 450;
  for (let index = 250; index <= 450; index++) node.deleted.add(index);
  expect(await cln.invoices.settlementsHead()).toBe('cln:249');
  const stream = new Collected('cln:248' as SettlementCursor);
  await until('caught up', () => stream.labels.includes('|'));
  expect(stream.labels).toEqual(['p249', '|']);
  stream.stop.abort();
  await stream.done;
});

test('nothing paid for a minute is no loss: it asks again', async () => {
  server.on('wait', () => ({ result: { subsystem: 'invoices', updated: 0 } }));
  server.on('waitanyinvoice', (_, call) => (call < 4 ? recorded('waitanyinvoice timeout') : recorded('waitanyinvoice settles')));
  for await (const event of cln.invoices.settlements()) {
    if (event.kind !== 'settled') continue;
    expect(event).toMatchObject({ cursor: 'cln:1', settlement: { paymentHash: HASH, receivedMsat: 200_500n } });
    break;
  }
  expect(server.called('waitanyinvoice')).toHaveLength(4);
  await until('the stream has let go of its connection', () => server.connections === 0 || server.connections === 1);
});

test('a cursor of another adapter is refused', async () => {
  const events = cln.invoices.settlements({ after: 'eclair:3' as SettlementCursor })[Symbol.asyncIterator]();
  await expect(events.next()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});

test('breaking off while it waits ends the stream at once', async () => {
  new PaidInvoices().serve(server);
  const events = cln.invoices.settlements()[Symbol.asyncIterator]();
  expect(await events.next()).toMatchObject({ value: { kind: 'caught-up' } });
  const waiting = events.next();
  await until('it waits', () => server.called('waitanyinvoice').length > 0);
  await events.return?.();
  expect(await waiting).toMatchObject({ done: true });
});
