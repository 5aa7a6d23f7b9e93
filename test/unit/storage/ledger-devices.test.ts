import type { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Msat, msat } from '../../../src/core/lightning/amount.ts';
import type { NewDeviceInvoice } from '../../../src/core/ports/device-ledger.ts';
import type { Ledger } from '../../../src/core/ports/ledger.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { openSqliteLedger } from '../../../src/storage/ledger/sqlite-ledger.ts';
import { findViolations } from '../../../src/storage/ledger/verify/invariants.ts';
import { verifyLedger } from '../../../src/storage/ledger/verify/verify-ledger.ts';
import { Child } from './support/child.ts';
import { directStore } from './support/direct-ledger.ts';
import { TestFolder } from './support/folders.ts';
import { hash, NODE, newQuote, settlement } from './support/quotes.ts';

const ROOT_KEY = '07'.repeat(32);
const HOUR_MS = 3_600_000;

let ledger: Ledger;
let database: DatabaseSync;
beforeEach(async () => {
  ({ ledger, database } = directStore());
  for (const name of ['pump', 'socket']) await ledger.addDevice({ id: `id of ${name}`, name, rootKey: ROOT_KEY, createdAt: 1 });
});
afterEach(() => {
  expect(findViolations(database)).toEqual([]);
  return ledger[Symbol.asyncDispose]();
});

/** An invoice of that name over 5 sat of water, made at 1000, good until 5000. */
function invoice(name: string, changes: Partial<NewDeviceInvoice> = {}): NewDeviceInvoice {
  return {
    id: name,
    device: 'id of pump',
    node: NODE,
    key: undefined,
    request: undefined,
    item: 'water',
    amountMsat: msat(5_000),
    paymentHash: hash(name),
    paymentRequest: `lnbcrt of ${name}`,
    createdAt: 1000,
    expiresAt: 5000,
    perHour: undefined,
    ...changes,
  };
}

const pay = (name: string, cursor: string, changes: Parameters<typeof settlement>[2] = {}) =>
  ledger.applySettlement(settlement(name, cursor, { received: msat(5_000), ...changes }));
const pump = async () => (await ledger.device('id of pump'))?.counters;

test('a settled invoice is told until it is acknowledged, with counters and cursor of the same transaction', async () => {
  expect(await ledger.createDeviceInvoice(invoice('a'))).toMatchObject({ kind: 'created', invoice: { id: 'a', state: 'open' } });
  const effect = await pay('a', '7');
  expect(effect).toMatchObject({
    kind: 'device',
    fresh: true,
    settlement: { device: 'id of pump', invoice: 'a', item: 'water', kind: 'paid', late: false, amountMsat: 5_000n, receivedMsat: 5_000n },
  });
  if (effect.kind !== 'device') throw new Error('no device');
  expect(await ledger.cursor(NODE)).toBe('7');
  expect(await ledger.deviceInvoice('a')).toMatchObject({ state: 'settled', invoiceClosed: true });
  expect(await pump()).toEqual({ invoices: 1, settled: 1, receivedMsat: 5_000n, acknowledged: 0 });
  expect(await ledger.unacknowledged('id of pump', 10)).toEqual([effect.settlement]);
  expect(await ledger.devicesToTell()).toEqual(['id of pump']);
  const { id } = effect.settlement;
  const done = { acknowledged: [id], counters: { invoices: 1, settled: 1, receivedMsat: 5_000n, acknowledged: 1 } };
  expect(await ledger.acknowledgeSettlements('id of pump', [id, id], 3000)).toEqual(done);
  expect(await ledger.acknowledgeSettlements('id of pump', [id], 4000)).toEqual(done);
  expect(await ledger.unacknowledged('id of pump', 10)).toEqual([]);
  expect(await ledger.devicesToTell()).toEqual([]);
});

test('the same settlement again, at another cursor or many times at once, has one effect and one id', async () => {
  await ledger.createDeviceInvoice(invoice('a'));
  const effects = await Promise.all(Array.from({ length: 10 }, (_, i) => pay('a', String(i))));
  const ids = effects.map((effect) => (effect.kind === 'device' ? [effect.settlement.id, effect.fresh] : []));
  expect(ids.map(([, fresh]) => fresh)).toEqual([true, ...Array(9).fill(false)]);
  expect(new Set(ids.map(([id]) => id)).size).toBe(1);
  expect(await pump()).toMatchObject({ settled: 1, receivedMsat: 5_000n });
});

test('too much is paid with what really came; too little is underpaid; a second time is a duplicate for each event; none is silence', async () => {
  for (const name of ['over', 'under']) await ledger.createDeviceInvoice(invoice(name));
  expect(await pay('over', '1', { received: msat(6_500) })).toMatchObject({ settlement: { kind: 'paid', receivedMsat: 6_500n } });
  expect(await pay('under', '2', { received: msat(4_999) })).toMatchObject({ settlement: { kind: 'underpaid', receivedMsat: 4_999n } });
  expect(await pay('over', '3', { kind: 'duplicate' })).toMatchObject({ fresh: true, settlement: { kind: 'duplicate' } });
  expect(await pay('over', '3', { kind: 'duplicate' })).toMatchObject({ fresh: false });
  expect(await pay('over', '4', { kind: 'duplicate' })).toMatchObject({ fresh: true });
  expect(await pump()).toMatchObject({ settled: 4, receivedMsat: 21_499n });
});

test('paid after it ran out or was withdrawn, or settled after its time, is late; expiry and settlement at once: the settlement counts', async () => {
  for (const name of ['ended', 'slow', 'withdrawn', 'race'])
    await ledger.createDeviceInvoice(invoice(name, name === 'slow' ? { expiresAt: 9000 } : {}));
  const [raced] = await Promise.all([pay('race', '1'), ledger.expireDeviceInvoices(NODE, 5000)]);
  expect(raced).toMatchObject({ settlement: { late: false } });
  expect((await ledger.deviceInvoicesToCancel(NODE)).map(({ id }) => id).sort()).toEqual(['ended', 'withdrawn']);
  expect(await pay('ended', '2')).toMatchObject({ settlement: { late: true, kind: 'paid' } });
  expect(await pay('slow', '3', { settledAt: 9001 })).toMatchObject({ settlement: { late: true } });
  expect(await ledger.revokeDevice('pump', 6000)).toMatchObject({ device: 'id of pump', fresh: true, withdrawn: [] });
  expect(await pay('withdrawn', '4')).toMatchObject({ settlement: { late: true } });
});

test('another device has nothing of it: neither is it told, nor can it acknowledge', async () => {
  await ledger.createDeviceInvoice(invoice('a'));
  const effect = await pay('a', '1');
  if (effect.kind !== 'device') throw new Error('no device');
  expect(await ledger.unacknowledged('id of socket', 10)).toEqual([]);
  expect(await ledger.acknowledgeSettlements('id of socket', [effect.settlement.id], 1)).toMatchObject({
    acknowledged: [],
    counters: { acknowledged: 0 },
  });
  expect(await ledger.unacknowledged('id of pump', 10)).toHaveLength(1);
});

test("the same key gives the same invoice, as long as it is open or was paid; another device's key is another key", async () => {
  await ledger.createDeviceInvoice(invoice('a', { key: 'k', request: 'r' }));
  expect(await ledger.createDeviceInvoice(invoice('b', { key: 'k', request: 'r' }))).toMatchObject({ kind: 'kept', invoice: { id: 'a' } });
  expect(await ledger.createDeviceInvoice(invoice('c', { key: 'k', device: 'id of socket' }))).toMatchObject({ kind: 'created' });
  await pay('a', '1');
  expect(await ledger.deviceInvoiceByKey('id of pump', 'k')).toMatchObject({ id: 'a', state: 'settled' });
  await ledger.expireDeviceInvoices(NODE, 5000);
  expect(await ledger.createDeviceInvoice(invoice('d', { key: 'k', device: 'id of socket' }))).toMatchObject({ kind: 'created' });
  expect(await pump()).toMatchObject({ invoices: 1 });
});

test('so many invoices an hour: any sixty minutes, decided where they are written, each device by itself', async () => {
  const made = await Promise.all(
    ['a', 'b', 'c'].map((name, i) => ledger.createDeviceInvoice(invoice(name, { perHour: 2, createdAt: 1000 + i }))),
  );
  expect(made.map(({ kind }) => kind)).toEqual(['created', 'created', 'refused']);
  expect(made[2]).toEqual({ kind: 'refused', reason: 'too-many' });
  expect(await ledger.createDeviceInvoice(invoice('other', { perHour: 2, device: 'id of socket' }))).toMatchObject({ kind: 'created' });
  expect(await ledger.deviceInvoiceTimes('id of pump', 2000)).toEqual([1000, 1001]);
  expect(await ledger.createDeviceInvoice(invoice('later', { perHour: 2, createdAt: 1000 + HOUR_MS }))).toMatchObject({ kind: 'created' });
  expect(await ledger.createDeviceInvoice(invoice('too soon', { perHour: 2, createdAt: 1000 + HOUR_MS }))).toMatchObject({
    kind: 'refused',
  });
});

test('a revoked device makes no invoice, its open ones are withdrawn, and its name is free', async () => {
  await ledger.createDeviceInvoice(invoice('a'));
  await expect(ledger.addDevice({ id: 'new', name: 'pump', rootKey: ROOT_KEY, createdAt: 1 })).rejects.toMatchObject({ code: 'CONFLICT' });
  expect(await ledger.revokeDevice('id of pump', 2000)).toMatchObject({ name: 'pump', revokedAt: 2000, withdrawn: ['a'] });
  expect(await ledger.revokeDevice('pump', 3000)).toMatchObject({ revokedAt: 2000, fresh: false });
  expect(await ledger.createDeviceInvoice(invoice('b'))).toEqual({ kind: 'refused', reason: 'revoked' });
  await ledger.addDevice({ id: 'new', name: 'pump', rootKey: ROOT_KEY, createdAt: 1 });
  expect(await ledger.revokeDevice('pump', 4000)).toMatchObject({ device: 'new', fresh: true });
  expect(await ledger.revokeDevice('nobody', 1)).toBeUndefined();
});

test('what was never paid is forgotten, but stays counted; what was paid stays', async () => {
  for (const name of ['unpaid', 'paid']) await ledger.createDeviceInvoice(invoice(name));
  await ledger.expireDeviceInvoices(NODE, 5000);
  await pay('paid', '1');
  await ledger.deviceInvoiceClosed('unpaid');
  expect(await ledger.pruneDeviceInvoices(NODE, 6000, 10)).toBe(1);
  expect(await ledger.deviceInvoice('unpaid')).toBeUndefined();
  expect(await ledger.deviceInvoice('paid')).toMatchObject({ state: 'settled' });
  expect(await pump()).toMatchObject({ invoices: 2, settled: 1 });
});

test("a buyer's quote and a foreign invoice stay what they are", async () => {
  await ledger.createQuote(newQuote('q'));
  expect(await ledger.applySettlement(settlement('q', '1'))).toMatchObject({ kind: 'granted' });
  expect(await pay('nobody', '2')).toEqual({ kind: 'foreign' });
});

test('whatever comes in whatever order, the counters are those of the payments, and each payment is told until it is acknowledged', async () => {
  const step = fc.record({
    what: fc.constantFrom('pay', 'again', 'duplicate', 'expire', 'acknowledge'),
    which: fc.nat(4),
    received: fc.integer({ min: 1, max: 9_000 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const store = directStore();
      await store.ledger.addDevice({ id: 'd', name: 'd', rootKey: ROOT_KEY, createdAt: 1 });
      for (let i = 0; i < 5; i += 1) await store.ledger.createDeviceInvoice(invoice(`i${i}`, { device: 'd' }));
      const paid = new Map<string, bigint>();
      let [count, sum, acknowledged, cursor] = [0, 0n, 0, 0];
      for (const { what, which, received } of steps) {
        const name = `i${which}`;
        cursor += 1;
        if (what === 'pay' || what === 'again' || (what === 'duplicate' && paid.has(name))) {
          const kind = what === 'duplicate' ? 'duplicate' : 'settled';
          await store.ledger.applySettlement(settlement(name, String(cursor), { kind, received: msat(received) as Msat }));
          if (kind === 'duplicate' || !paid.has(name)) [count, sum] = [count + 1, sum + BigInt(received)];
          paid.set(name, BigInt(received));
        } else if (what === 'expire') await store.ledger.expireDeviceInvoices(NODE, 5000);
        else if (what === 'acknowledge') {
          const [first] = await store.ledger.unacknowledged('d', 1);
          if (first !== undefined) acknowledged += (await store.ledger.acknowledgeSettlements('d', [first.id], 9)).acknowledged.length;
        }
      }
      expect((await store.ledger.device('d'))?.counters).toEqual({ invoices: 5, settled: count, receivedMsat: sum, acknowledged });
      expect(await store.ledger.unacknowledged('d', 100)).toHaveLength(count - acknowledged);
      expect(findViolations(store.database)).toEqual([]);
      await store.ledger[Symbol.asyncDispose]();
    }),
    { numRuns: 30 },
  );
});

test('verify finds a counter that is wrong, a payment of another device, and an open invoice of a revoked one', async () => {
  await ledger.createDeviceInvoice(invoice('a'));
  await pay('a', '1');
  await ledger.createDeviceInvoice(invoice('b'));
  const spoil = (sql: string, back: string) => {
    database.exec(sql);
    const found = findViolations(database).map(({ check }) => check);
    database.exec(back);
    return found;
  };
  const set = (change: string) => `UPDATE devices SET ${change} WHERE name = 'pump'`;
  expect(spoil(set('received_msat = 1'), set('received_msat = 5000'))).toEqual(['device-counters']);
  expect(spoil(set('invoices = 1'), set('invoices = 2'))).toEqual(['device-counters']);
  expect(spoil(set('revoked_at = 1'), set('revoked_at = NULL'))).toEqual(['device-revoked']);
  const move = (to: string) => `UPDATE device_invoices SET device = 'id of ${to}' WHERE id = 'a'`;
  expect(spoil(`${move('socket')}; ${set('invoices = 1')}`, `${move('pump')}; ${set('invoices = 2')}`)).toContain('settlement-of-another');
});

test('a killed process: what was answered is there, told, and counted', async () => {
  using folder = new TestFolder();
  const path = folder.join('ledger.db');
  const child = new Child('./settle-devices.ts', [path]);
  await child.said(25);
  await child.kill();
  const said = child.lines.map((line) => line.split(' ')[1]);
  await using store = await openSqliteLedger({ path, logger: silentLogger });
  const record = await store.ledger.device('d');
  const open = await store.ledger.unacknowledged('d', 1_000_000);
  expect(open.map(({ id }) => id)).toEqual(expect.arrayContaining(said));
  expect(record?.counters.settled).toBe(open.length);
  expect(record?.counters.receivedMsat).toBe(BigInt(open.length) * 5_000n);
  await store[Symbol.asyncDispose]();
  expect(verifyLedger(path).violations).toEqual([]);
});
