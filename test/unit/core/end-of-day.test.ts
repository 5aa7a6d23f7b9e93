import { expect, test } from 'vitest';
import { ManualClock } from '../../support/manual-clock.ts';
import { Seller } from './support/seller.ts';

const HOUR_MS = 3_600_000;
/** Half past two in the afternoon, UTC. */
const endOfDay = { at: '17:00', zone: 'America/New_York' };
const toTheEnd = 7.5 * HOUR_MS;

test('who is live is told between the last row of the day and the first of the next, and the journal begins a segment there', async () => {
  const clock = new ManualClock();
  await using seller = await Seller.open({ clock, endOfDay });
  const buyer = seller.connect();
  await seller.buy(buyer);
  seller.tick(2);
  clock.advance(toTheEnd);
  await expect.poll(() => buyer.outlet.log).toContain('end 2026-11-20');
  expect(seller.journal.day).toBe('2026-11-21');
  seller.tick(1);
  expect(buyer.outlet.log).toEqual(['AAPL 1', 'AAPL 2', 'end 2026-11-20', 'AAPL 3']);
});

test('who was away is told once, after the rows of that day', async () => {
  const clock = new ManualClock();
  await using seller = await Seller.open({ clock, endOfDay });
  const first = seller.connect();
  const offer = await seller.buy(first);
  first.connection.close();
  seller.tick(2);
  clock.advance(toTheEnd);
  await expect.poll(() => seller.journal.day).toBe('2026-11-21');
  seller.tick(1);
  const second = await seller.resume(offer);
  await expect.poll(() => second.outlet.log).toContain('end 2026-11-20');
  expect(second.outlet.log.slice(0, 2)).toEqual(['AAPL 1', 'AAPL 2']);
  expect([...second.outlet.log].sort()).toEqual(['AAPL 1', 'AAPL 2', 'AAPL 3', 'end 2026-11-20']);
  const third = await seller.resume(offer, 3);
  seller.tick(1);
  await expect.poll(() => third.outlet.log).toEqual(['AAPL 4']);
});

test('a message that was lost on its way comes again to the buyer who says so', async () => {
  const clock = new ManualClock();
  await using seller = await Seller.open({ clock, endOfDay });
  const first = seller.connect();
  const offer = await seller.buy(first);
  clock.advance(toTheEnd);
  await expect.poll(() => first.outlet.log).toEqual(['end 2026-11-20']);
  const second = await seller.resume(offer, 0, '2026-11-19');
  await expect.poll(() => second.outlet.log).toEqual(['end 2026-11-20']);
  const third = await seller.resume(offer, 0, '2026-11-20');
  seller.tick(1);
  expect(third.outlet.log).toEqual(['AAPL 1']);
});

test('who is behind is told when it has the rows of that day, and everybody else at once', async () => {
  const clock = new ManualClock();
  await using seller = await Seller.open({ clock, endOfDay });
  const [slow, quick] = [seller.connect(), seller.connect()];
  const offer = await seller.buy(slow);
  await seller.buy(quick);
  slow.outlet.gate = Promise.withResolvers();
  seller.tick(3);
  clock.advance(toTheEnd);
  await expect.poll(() => quick.outlet.log).toEqual(['AAPL 1', 'AAPL 2', 'AAPL 3', 'end 2026-11-20']);
  expect(slow.outlet.log).toEqual([]);
  seller.tick(1);
  slow.outlet.openGate();
  await expect.poll(() => slow.outlet.log).toContain('end 2026-11-20');
  expect(slow.outlet.log.slice(0, 3)).toEqual(['AAPL 1', 'AAPL 2', 'AAPL 3']);
  const again = await seller.resume(offer, 4);
  seller.tick(1);
  await expect.poll(() => again.outlet.log).toEqual(['AAPL 5']);
});

test('who was behind and left before it was told is told when it comes back', async () => {
  const clock = new ManualClock();
  await using seller = await Seller.open({ clock, endOfDay });
  const slow = seller.connect();
  const offer = await seller.buy(slow);
  slow.outlet.gate = Promise.withResolvers();
  seller.tick(1);
  clock.advance(toTheEnd);
  await expect.poll(() => seller.journal.day).toBe('2026-11-21');
  slow.connection.close();
  slow.outlet.openGate();
  expect(slow.outlet.log).toEqual([]);
  const again = await seller.resume(offer);
  await expect.poll(() => again.outlet.log).toEqual(['AAPL 1', 'end 2026-11-20']);
});

test('an end that came while the server was down happens at its start: the journal rolls, buyers who come back are told, new ones not', async () => {
  const clock = new ManualClock();
  await using seller = await Seller.open({ clock, endOfDay });
  const first = seller.connect();
  const offer = await seller.buy(first);
  seller.tick(2);
  await seller.stop();
  clock.advance(toTheEnd + HOUR_MS);
  await seller.start();
  expect(seller.journal.day).toBe('2026-11-21');
  const back = await seller.resume(offer, 1);
  await expect.poll(() => back.outlet.log).toEqual(['AAPL 2', 'end 2026-11-20']);
  const fresh = seller.connect();
  const bought = await seller.buy(fresh);
  const later = await seller.resume(bought);
  seller.tick(1);
  await expect.poll(() => later.outlet.log).toEqual(['AAPL 3']);
  expect(fresh.outlet.log).toEqual(['superseded']);
  await seller.stop();
  await seller.start();
  const third = await seller.resume(offer, 3);
  seller.tick(1);
  await expect.poll(() => third.outlet.log).toEqual(['AAPL 4']);
});

test('a process that died between recording the end and beginning the segment: the next one begins it', async () => {
  const clock = new ManualClock();
  await using seller = await Seller.open({ clock, endOfDay });
  seller.tick(1);
  await seller.stop();
  await seller.ledger.endDay({ date: '2026-11-20', endsAt: clock.now(), now: clock.now(), told: [], silent: false });
  await seller.start();
  expect(seller.journal.day).toBe('2026-11-21');
});

test('ended by hand, the day does not end again at its time', async () => {
  const clock = new ManualClock();
  await using seller = await Seller.open({ clock, endOfDay });
  const buyer = seller.connect();
  await seller.buy(buyer);
  expect(await seller.tickerplant.endOfDay('2026-11-20')).toBe(true);
  clock.advance(toTheEnd);
  expect(await seller.tickerplant.endOfDay('2026-11-20')).toBe(false);
  expect(buyer.outlet.log).toEqual(['end 2026-11-20']);
});

test('where it is tomorrow in UTC already, the day and its segment are still today’s, and end at its midnight', async () => {
  const clock = new ManualClock(Date.parse('2026-11-21T03:00:00Z'));
  await using seller = await Seller.open({ clock, endOfDay: { at: '00:00', zone: 'America/New_York' } });
  const buyer = seller.connect();
  await seller.buy(buyer);
  expect(seller.journal.day).toBe('2026-11-20');
  seller.tick(1);
  clock.advance(2 * HOUR_MS);
  await expect.poll(() => buyer.outlet.log).toEqual(['AAPL 1', 'end 2026-11-20']);
  expect(seller.journal.day).toBe('2026-11-21');
});
