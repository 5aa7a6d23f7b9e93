import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import type { EndDay } from '../../../src/core/ports/ledger-upkeep.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { APPLICATION_ID } from '../../../src/storage/ledger/book.ts';
import { MIGRATIONS } from '../../../src/storage/ledger/migrations/all.ts';
import { openSqliteLedger } from '../../../src/storage/ledger/sqlite-ledger.ts';
import { verifyLedger } from '../../../src/storage/ledger/verify/verify-ledger.ts';
import { directLedger } from './support/direct-ledger.ts';
import { TestFolder } from './support/folders.ts';
import { NODE, newQuote, node, settlement } from './support/quotes.ts';

const of = (name: string): string => `subscription of ${name}`;

function end(date: string, changes: Partial<EndDay> = {}): EndDay {
  return { date, endsAt: 1000, now: 2000, told: [], silent: false, ...changes };
}

test('a day ends once, and never one before the last', async () => {
  const ledger = directLedger();
  expect(await ledger.lastDay()).toBeUndefined();
  expect(await ledger.endDay(end('2026-11-20'))).toBe(true);
  expect(await ledger.endDay(end('2026-11-20'))).toBe(false);
  expect(await ledger.endDay(end('2026-11-19'))).toBe(false);
  expect(await ledger.lastDay()).toEqual({ date: '2026-11-20', endsAt: 1000 });
  expect(await ledger.endDay(end('2026-11-23'))).toBe(true);
});

test('a subscription is told each end once: those that were live, with it; the others when they come', async () => {
  const ledger = directLedger();
  for (const name of ['live', 'away', 'unpaid']) await ledger.createQuote(newQuote(name));
  for (const name of ['live', 'away']) await ledger.applySettlement(settlement(name, name));
  await ledger.endDay(end('2026-11-20', { told: [of('live')] }));
  await ledger.createQuote(newQuote('born later'));
  await ledger.applySettlement(settlement('born later', 'born later'));
  expect(await ledger.takeEndOfDay(of('live'))).toBeUndefined();
  expect(await ledger.takeEndOfDay(of('away'))).toBe('2026-11-20');
  expect(await ledger.takeEndOfDay(of('away'))).toBeUndefined();
  expect(await ledger.takeEndOfDay(of('born later'))).toBeUndefined();
  expect(await ledger.takeEndOfDay(of('unpaid'))).toBeUndefined();
  await ledger.endDay(end('2026-11-21'));
  expect(await ledger.takeEndOfDay(of('born later'))).toBe('2026-11-21');
});

test('what the buyer says it was told counts for more than what was noted', async () => {
  const ledger = directLedger();
  await ledger.createQuote(newQuote('a'));
  await ledger.applySettlement(settlement('a', 'a'));
  await ledger.endDay(end('2026-11-20', { told: [of('a')] }));
  expect(await ledger.takeEndOfDay(of('a'), '2026-11-20')).toBeUndefined();
  expect(await ledger.takeEndOfDay(of('a'), '2026-11-19')).toBe('2026-11-20');
});

test('where a ledger begins, nobody is told', async () => {
  const ledger = directLedger();
  await ledger.createQuote(newQuote('a'));
  await ledger.applySettlement(settlement('a', 'a'));
  await ledger.endDay(end('2026-11-20', { silent: true }));
  expect(await ledger.takeEndOfDay(of('a'))).toBeUndefined();
});

test('the highest epoch is remembered', async () => {
  const ledger = directLedger();
  expect(await ledger.highestEpoch()).toBe(0);
  for (const epoch of [3, 7, 7, 5]) await ledger.noteEpoch(epoch);
  expect(await ledger.highestEpoch()).toBe(7);
});

test('revoking is told to whoever reads the subscription, withdraws what is open, and is done once', async () => {
  const ledger = directLedger();
  const subscription = of('paid');
  await ledger.createQuote(newQuote('paid'));
  await ledger.applySettlement(settlement('paid', '1'));
  await ledger.createQuote(newQuote('open', { subscription }));
  await ledger.createQuote(newQuote('of another'));
  expect(await ledger.revoke({ subscription: 'nobody' }, 9000)).toBeUndefined();
  expect(await ledger.revoke({ tokenId: 'token of paid' }, 9000)).toEqual({
    subscription,
    revokedAt: 9000,
    fresh: true,
    withdrawn: ['open'],
  });
  expect(await ledger.revoke({ subscription }, 9999)).toEqual({ subscription, revokedAt: 9000, fresh: false, withdrawn: [] });
  expect(await ledger.subscription(subscription)).toMatchObject({ revokedAt: 9000 });
  expect((await ledger.subscriptionByToken('token of of another'))?.revokedAt).toBeUndefined();
  expect((await ledger.quote('open'))?.state).toBe('withdrawn');
  expect((await ledger.quote('of another'))?.state).toBe('open');
});

test('only quotes that can not be paid any more, were never paid and are long over are forgotten, with subscriptions that have nothing else', async () => {
  using folder = new TestFolder();
  const path = folder.join('ledger.db');
  {
    await using store = await openSqliteLedger({ path, logger: silentLogger });
    const { ledger } = store;
    for (const name of ['gone', 'open', 'payable', 'paid late', 'twice']) await ledger.createQuote(newQuote(name));
    await ledger.createQuote(newQuote('paid', { expiresAt: 4000 }));
    await ledger.createQuote(newQuote('gone too', { subscription: of('paid') }));
    await ledger.createQuote(newQuote('recent', { expiresAt: 50_000 }));
    await ledger.createQuote(newQuote('elsewhere', { node: node('another') }));
    await ledger.applySettlement(settlement('paid', '1'));
    for (const name of ['gone', 'payable', 'paid late', 'twice', 'gone too', 'recent', 'elsewhere']) {
      await ledger.withdrawQuote(name, 5000);
      if (name !== 'payable') await ledger.invoiceClosed(name);
    }
    await ledger.applySettlement(settlement('paid late', '2', { settledAt: 6000 }));
    await ledger.applySettlement(settlement('twice', '3', { kind: 'duplicate' }));
    await ledger.setUnsubscribed(of('gone'), 'trade', ['AAPL']);
    await ledger.revoke({ subscription: of('gone') }, 9000);
    expect(await ledger.pruneQuotes(NODE, 10_000, 1)).toBe(1);
    expect(await ledger.pruneQuotes(NODE, 10_000, 100)).toBe(1);
    expect(await ledger.pruneQuotes(NODE, 10_000, 100)).toBe(0);
    const left = ['open', 'payable', 'paid late', 'twice', 'paid', 'recent', 'elsewhere'];
    for (const name of left) expect(await ledger.quote(name), name).toBeDefined();
    for (const name of ['gone', 'gone too']) expect(await ledger.quote(name), name).toBeUndefined();
    expect(await ledger.subscription(of('gone'))).toBeUndefined();
    expect(await ledger.subscription(of('paid'))).toBeDefined();
  }
  expect(verifyLedger(path).violations).toEqual([]);
});

test('an older ledger is brought forward: its subscriptions are told the next end, and its epochs are known', async () => {
  using folder = new TestFolder();
  const path = folder.join('ledger.db');
  const old = new DatabaseSync(path);
  for (const { version, sql } of MIGRATIONS.filter((each) => each.version < 3)) {
    old.exec(`BEGIN; ${sql}; PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${version}; COMMIT`);
  }
  old.close();
  await using store = await openSqliteLedger({ path, logger: silentLogger });
  expect(await store.ledger.highestEpoch()).toBe(0);
  expect(await store.ledger.lastDay()).toBeUndefined();
});
