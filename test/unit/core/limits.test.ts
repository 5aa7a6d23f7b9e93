import { expect, test } from 'vitest';
import type { LightningBackend } from '../../../src/core/lightning/backend.ts';
import { attenuate } from '../../../src/credentials/l402.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { Seller } from './support/seller.ts';

const DAY_MS = 86_400_000;

test('unpaid quotes are limited in all and per address, over connections that are gone too, and places come free', async () => {
  const clock = new ManualClock();
  await using seller = await Seller.open({ clock, quoteExpirySeconds: 60, limits: { openQuotes: 4, openQuotesPerAddress: 2 } });
  const from = async (address: string) => {
    const buyer = seller.connect(address);
    const offer = await seller.quote(buyer);
    buyer.connection.close();
    return offer;
  };
  const first = await from('203.0.113.1');
  await from('203.0.113.1');
  await expect(from('203.0.113.1')).rejects.toMatchObject({ code: 'TOO_MANY', retry: 'later' });
  await from('203.0.113.2');
  await from('127.0.0.1');
  await expect(from('127.0.0.1')).rejects.toMatchObject({ code: 'TOO_MANY', retry: 'later' });
  await seller.pay(first);
  await expect
    .poll(
      async () =>
        await from('203.0.113.1').then(
          () => 'taken',
          () => 'full',
        ),
    )
    .toBe('taken');
  clock.advance(61_000);
  await expect
    .poll(
      async () =>
        await from('203.0.113.1').then(
          () => 'taken',
          () => 'full',
        ),
    )
    .toBe('taken');
});

test('asked for at the same time, no more are made than may be open', async () => {
  await using seller = await Seller.open({ clock: new ManualClock(), limits: { openQuotesPerAddress: 2, openQuotesPerConnection: 3 } });
  const buyer = seller.connect();
  const asked = await Promise.allSettled(['AAPL', 'GOOGL', 'MSFT'].map((sym) => seller.quote(buyer, { syms: [sym] })));
  expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
});

test('connections are limited per address, but not those of this machine', async () => {
  await using seller = await Seller.open({ clock: new ManualClock(), limits: { connectionsPerAddress: 2 } });
  const first = seller.connect();
  seller.connect();
  expect(() => seller.connect()).toThrow(expect.objectContaining({ code: 'TOO_MANY', retry: 'later' }));
  seller.connect('203.0.113.2');
  first.connection.close();
  first.connection.close();
  seller.connect();
  expect(() => seller.connect()).toThrow(expect.objectContaining({ code: 'TOO_MANY' }));
  for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) for (let each = 0; each < 3; each += 1) seller.connect(address);
});

test('subscriptions that are resumed count, those that went elsewhere do not', async () => {
  await using seller = await Seller.open({ clock: new ManualClock(), limits: { subscriptionsPerConnection: 1 } });
  const [one, two] = [await seller.buy(seller.connect()), await seller.buy(seller.connect())];
  const buyer = await seller.resume(one);
  await seller.resume(one, 0, undefined, buyer);
  await expect(seller.resume(two, 0, undefined, buyer)).rejects.toMatchObject({ code: 'TOO_MANY', retry: 'never' });
  await seller.resume(one);
  await seller.resume(two, 0, undefined, buyer);
});

test('a short key does not hand out what is paid, except to who has it anyway; a long one does', async () => {
  await using seller = await Seller.open({ clock: new ManualClock() });
  const [buyer, neighbour] = [seller.connect(), seller.connect()];
  const short = await seller.quote(buyer, { key: '1' });
  expect((await seller.quote(neighbour, { key: '1' })).quote).toBe(short.quote);
  await seller.pay(short);
  await expect(seller.quote(seller.connect(), { key: '1' })).rejects.toMatchObject({ code: 'KEY_REUSED' });
  const key = 'k'.repeat(16);
  const long = await seller.quote(seller.connect(), { key });
  await seller.pay(long);
  expect((await seller.quote(seller.connect('203.0.113.9'), { key })).token).toBe(long.token);
});

test('a revoked token is refused, what is live with it ends with a word, its open quotes are withdrawn, and nothing else changes', async () => {
  await using seller = await Seller.open({ clock: new ManualClock() });
  const [buyer, other] = [seller.connect(), seller.connect()];
  const offer = await seller.buy(buyer);
  await seller.buy(other);
  const key = 'k'.repeat(16);
  const open = await seller.quote(buyer, { syms: ['MSFT'], key });
  expect(await seller.tickerplant.revoke('nobody')).toBeUndefined();
  const resuming = seller.resume(offer);
  expect(await seller.tickerplant.revoke(offer.subscription)).toMatchObject({ fresh: true, withdrawn: [open.quote] });
  await resuming.catch(() => undefined);
  seller.tick(1);
  expect(other.outlet.log).toEqual(['AAPL 1']);
  expect(buyer.outlet.log.filter((line) => line.startsWith('AAPL'))).toEqual([]);
  await expect(seller.resume(offer)).rejects.toMatchObject({ code: 'BAD_TOKEN', message: expect.stringContaining('revoked') });
  const live = await seller.quote(seller.connect(), { key: 'x'.repeat(16) });
  expect(live.subscription).not.toBe(offer.subscription);
  await expect(buyer.connection.subscribe({ table: 'trade', syms: ['AAPL'], subscription: offer.subscription })).rejects.toMatchObject({
    code: 'FORBIDDEN',
  });
  expect(await seller.tickerplant.revoke(offer.subscription)).toMatchObject({ fresh: false });
  await seller.stop();
  await seller.start();
  await expect(seller.resume(offer)).rejects.toMatchObject({ code: 'BAD_TOKEN' });
});

test('a live session is told that it was revoked', async () => {
  await using seller = await Seller.open({ clock: new ManualClock() });
  const buyer = seller.connect();
  const offer = await seller.buy(buyer);
  await seller.tickerplant.revoke(offer.subscription);
  expect(buyer.outlet.refused).toMatchObject([{ code: 'BAD_TOKEN', message: expect.stringContaining(offer.subscription) }]);
});

test('a key does not bring a revoked token back', async () => {
  await using seller = await Seller.open({ clock: new ManualClock() });
  const key = 'k'.repeat(16);
  const offer = await seller.buy(seller.connect(), { key });
  await seller.tickerplant.revoke(offer.subscription);
  await expect(seller.quote(seller.connect(), { key })).rejects.toMatchObject({ code: 'BAD_TOKEN' });
});

test('a node that never answers a cancellation does not hold up what comes after it', async () => {
  const clock = new ManualClock();
  let hangs = true;
  const cancelled: string[] = [];
  const backend = (real: LightningBackend): LightningBackend => {
    const cancel: LightningBackend['invoices']['cancel'] = async (hash, options) => {
      if (hangs) return await new Promise<never>(() => undefined);
      cancelled.push(hash);
      await real.invoices.cancel(hash, options);
    };
    const invoices = new Proxy(real.invoices, {
      get(target, name: keyof LightningBackend['invoices']) {
        return name === 'cancel' ? cancel : (target[name] as (...args: never[]) => unknown).bind(target);
      },
    });
    return new Proxy(real, { get: (target, name: keyof LightningBackend) => (name === 'invoices' ? invoices : target[name]) });
  };
  await using seller = await Seller.open({ clock, quoteExpirySeconds: 60, backend });
  const first = await seller.quote(seller.connect());
  clock.advance(60_000);
  await expect.poll(async () => (await seller.ledger.quote(first.quote))?.state).toBe('expired');
  const second = await seller.quote(seller.connect());
  hangs = false;
  const isClosed = async () => {
    clock.advance(15_000);
    return [(await seller.ledger.quote(first.quote))?.invoiceClosed, (await seller.ledger.quote(second.quote))?.invoiceClosed];
  };
  await expect.poll(isClosed).toEqual([true, true]);
  expect(cancelled).toContain(second.paymentHash);
});

test('quotes that were never paid are forgotten after a month, open, paid and recent ones are not', async () => {
  const clock = new ManualClock();
  await using seller = await Seller.open({ clock, quoteExpirySeconds: 3600 });
  const unpaid = await seller.quote(seller.connect());
  const paid = await seller.buy(seller.connect());
  await expect
    .poll(async () => {
      clock.advance(DAY_MS / 4);
      return (await seller.ledger.quote(unpaid.quote))?.invoiceClosed;
    })
    .toBe(true);
  clock.advance(28 * DAY_MS);
  expect(await seller.ledger.quote(unpaid.quote)).toBeDefined();
  const isThere = async () => {
    clock.advance(DAY_MS / 2);
    return await seller.ledger.quote(unpaid.quote);
  };
  await expect.poll(isThere).toBeUndefined();
  expect(await seller.ledger.quote(paid.quote)).toMatchObject({ state: 'settled' });
});

test('a narrowed token ends when it says, also where it is live, and brings nobody the whole one', async () => {
  const clock = new ManualClock();
  await using seller = await Seller.open({ clock });
  const offer = await seller.buy(seller.connect());
  const valid = (ms: number) => attenuate(offer.token, `valid_until=${Math.floor((clock.now() + ms) / 1000)}`);
  const narrowed = { ...offer, token: attenuate(valid(180_000), `valid_until=${Math.floor(clock.now() / 1000) + 3_600}`) };
  const friend = await seller.resume(narrowed);
  await expect(friend.connection.subscribe({ table: 'trade', syms: ['MSFT'], subscription: offer.subscription })).rejects.toMatchObject({
    code: 'FORBIDDEN',
  });
  expect((await seller.quote(friend, { syms: ['MSFT'] })).subscription).not.toBe(offer.subscription);
  clock.advance(179_000);
  seller.tick(1);
  expect(friend.outlet.log).toEqual(['AAPL 1']);
  clock.advance(1_000);
  seller.tick(1);
  expect(friend.outlet.log).toEqual(['AAPL 1']);
  expect(friend.outlet.refused).toMatchObject([{ code: 'TOKEN_EXPIRED' }]);
  await expect(seller.resume(narrowed)).rejects.toMatchObject({ code: 'TOKEN_EXPIRED' });
  const buyer = await seller.resume(offer, 1);
  await expect.poll(() => buyer.outlet.log).toEqual(['AAPL 2']);
});
