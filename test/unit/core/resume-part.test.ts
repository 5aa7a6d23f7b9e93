import { expect, test } from 'vitest';
import { ManualClock } from '../../support/manual-clock.ts';
import { Seller } from './support/seller.ts';

const DAY_MS = 86_400_000;

test('a token says whose it is and whether it is paid, and takes nothing from where it is live', async () => {
  const clock = new ManualClock();
  await using seller = await Seller.open({ clock });
  const buyer = seller.connect();
  const offer = await seller.quote(buyer);
  const other = seller.connect();
  const identified = { subscription: offer.subscription, narrowed: false };
  expect(await other.connection.identify(offer.token)).toEqual({ ...identified, state: 'unpaid' });
  await seller.pay(offer);
  await expect.poll(() => buyer.outlet.active.length).toBe(1);
  expect(await other.connection.identify(offer.token)).toEqual({ ...identified, state: 'live' });
  seller.tick(1);
  expect(buyer.outlet.log).toEqual(['AAPL 1']);
  await expect(other.connection.identify('AgJC')).rejects.toMatchObject({ code: 'BAD_TOKEN' });
  clock.advance(2 * DAY_MS);
  expect(await other.connection.identify(offer.token)).toEqual({ ...identified, state: 'ended' });
});

test('a resume of some symbols leaves out the others until they are asked for, without keeping that as a wish', async () => {
  await using seller = await Seller.open({ clock: new ManualClock() });
  const first = seller.connect();
  const offer = await seller.buy(first, { syms: ['AAPL', 'GOOGL'] });
  first.connection.close();
  const publish = (sym: string) => seller.tickerplant.publish('trade', [['2026-11-20T14:30:00.000Z', sym, 1, 1]]);
  publish('AAPL');
  publish('GOOGL');
  const second = seller.connect();
  const resumed: unknown[] = [];
  await second.connection.resume(
    offer.token,
    {},
    ({ tables }) => resumed.push(...tables.map(({ syms }) => syms)),
    undefined,
    undefined,
    (_, sym) => sym === 'AAPL',
  );
  await expect.poll(() => second.outlet.log).toEqual(['AAPL 1']);
  publish('AAPL');
  publish('GOOGL');
  expect(second.outlet.log).toEqual(['AAPL 1', 'AAPL 2']);
  const position = { trade: { epoch: seller.tickerplant.epoch, seqs: { AAPL: 2 } } };
  await second.connection.resume(offer.token, position, ({ tables }) => resumed.push(...tables.map(({ syms }) => syms)));
  await expect.poll(() => second.outlet.log).toEqual(['AAPL 1', 'AAPL 2', 'GOOGL 1', 'GOOGL 2']);
  publish('AAPL');
  expect(second.outlet.log.at(-1)).toBe('AAPL 3');
  expect(resumed).toEqual([['AAPL'], ['AAPL', 'GOOGL']]);
});
