import { copyFileSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { msat } from '../../../src/core/lightning/amount.ts';
import type { Ledger } from '../../../src/core/ports/ledger.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import type { QuotedItem } from '../../../src/core/tickerplant/messages.ts';
import { backupLedger } from '../../../src/storage/ledger/backup-ledger.ts';
import { SCHEMA_VERSION } from '../../../src/storage/ledger/migrations/all.ts';
import { openDatabase } from '../../../src/storage/ledger/open-database.ts';
import { openSqliteLedger } from '../../../src/storage/ledger/sqlite-ledger.ts';
import { verifyLedger } from '../../../src/storage/ledger/verify/verify-ledger.ts';
import { Child } from './support/child.ts';
import { TestFolder } from './support/folders.ts';
import { FLAT, item, newQuote, node, POLICY, priced, settlement, TICK, TIME } from './support/quotes.ts';

/** A ledger with something of everything, closed in order. */
async function someLedger(path: string, quotes = 20): Promise<void> {
  await using store = await openSqliteLedger({ path, logger: silentLogger });
  const { ledger, intents, settlementLog } = store;
  for (let i = 0; i < quotes; i += 1) {
    await ledger.createQuote(newQuote(`q${i}`));
    if (i % 2 === 0) await ledger.applySettlement(settlement(`q${i}`, `${i}`, { received: (200_000n + BigInt(i % 3)) as never }));
    if (i % 8 === 1) await ledger.applySettlement(settlement(`q${i}`, `${i}`, { received: 5n as never }));
    if (i % 8 === 2) await ledger.applySettlement(settlement(`q${i}`, `again ${i}`, { kind: 'duplicate' }));
  }
  await ledger.setUnsubscribed('subscription of q0', 'trade', ['AAPL']);
  await somePrices(ledger);
  await settlementLog.append(node('eclair'), [settlement('x', '1').settlement, settlement('y', '2').settlement]);
  await intents.begin({
    node: node('payer'),
    paymentHash: settlement('z', '').settlement.paymentHash,
    paymentRequest: 'lnbcrt…',
    keysend: undefined,
    amountMsat: 5n as never,
    maxFeeMsat: 1n as never,
    createdAt: 1,
    expiresAt: 2,
  });
}

/** One subscription with every kind of terms, credit in every state, a lease that is spent and one that is open, and refund notes. */
async function somePrices(ledger: Ledger): Promise<void> {
  const subscription = 'subscription of all';
  const sell = async (name: string, items: readonly QuotedItem[], credit: bigint, changes: Parameters<typeof settlement>[2] = {}) => {
    const { amountMsat: received } = priced(items, credit);
    await ledger.createQuote(newQuote(name, { ...priced(items, credit), ...(name === 'all' ? {} : { subscription }) }));
    await ledger.applySettlement(settlement(name, name, { received, ...changes }));
  };
  const three = [item('trade', ['A', 'B'], TIME), item('book', ['A'], TICK), item('trade', ['C'], { ...FLAT, lastsMs: 'day' })];
  await sell('all', three, 0n, { now: 2500 });
  await sell('renewal', [item('trade', ['A', 'B', 'D'], TIME)], 0n, { now: 3550 });
  await sell('over', [item('trade', ['X'])], 0n, { received: msat(130_000) });
  await sell('with credit', [item('trade', ['Y'])], 10_000n);
  await ledger.createQuote(newQuote('open', { ...priced([item('trade', ['Z'])], 5_000n), subscription, expiresAt: 9000 }));
  await ledger.createQuote(newQuote('ended', { ...priced([item('trade', ['Z'])], 9_000n), subscription, expiresAt: 4000 }));
  await ledger.expireQuotes(settlement('', '').node, 4000);
  await ledger.createQuote(newQuote('takes most', { ...priced([item('trade', ['W'])], 12_000n), subscription, expiresAt: 9000 }));
  const gone = [item('trade', ['V']), item('gone', ['V'])];
  await ledger.createQuote(newQuote('late', { ...priced(gone, 3_000n), subscription, expiresAt: 4100 }));
  await ledger.withdrawQuote('takes most', 4100);
  await ledger.expireQuotes(settlement('', '').node, 4100);
  await ledger.createQuote(newQuote('takes most again', { ...priced([item('trade', ['W'])], 14_000n), subscription, expiresAt: 9000 }));
  const refund = { ...POLICY, tableGone: 'refund', duplicate: 'refund' } as const;
  await ledger.applySettlement(settlement('late', 'late', { received: msat(197_000), now: 4200, gone: ['gone'], policy: refund }));
  await ledger.applySettlement(settlement('late', 'late again', { kind: 'duplicate', now: 4300, policy: refund }));
  const spent = await ledger.lease(subscription, msat(4_000), 5000);
  const billed = [
    {
      table: 'book',
      sym: 'A',
      epoch: 3,
      ranges: [
        [1, 3],
        [7, 9],
      ] as const,
    },
  ];
  await ledger.recordUse({ lease: spent.id, spentMsat: msat(60), billed, close: true, now: 5001 });
  const open = await ledger.lease(subscription, msat(3_000), 5002);
  await ledger.recordUse({ lease: open.id, spentMsat: msat(10), billed: [], close: false, now: 5003 });
}

const template = new TestFolder();
beforeAll(() => someLedger(template.join('ledger.db'), 8));
afterAll(() => template[Symbol.dispose]());

function flipped(bytes: Buffer, at: number, bit: number): Buffer {
  const bad = Buffer.from(bytes);
  bad.writeUInt8(bad.readUInt8(at) ^ (1 << bit), at);
  return bad;
}

test('a ledger that was closed in order is clean, and verifying changes nothing and leaves nothing behind', async () => {
  using folder = new TestFolder();
  const path = folder.join('ledger.db');
  await someLedger(path);
  const before = readFileSync(path);
  const report = verifyLedger(path);
  expect(report).toMatchObject({ clean: true, violations: [], notes: [], sealed: true, version: SCHEMA_VERSION });
  expect(report.rows).toMatchObject({
    quotes: 29,
    settlements: 18,
    grants: 18,
    refund_notes: 2,
    leases: 2,
    billed_rows: 1,
    payment_intents: 1,
    settlement_log: 2,
  });
  expect(readFileSync(path).equals(before)).toBe(true);
  expect(readdirSync(folder.path).sort()).toEqual(['ledger.db', 'ledger.db-lock']);
});

test('a flipped bit anywhere in the file is found', async () => {
  using folder = new TestFolder();
  const path = folder.join('ledger.db');
  await someLedger(path, 6);
  const good = readFileSync(path);
  const check = (at: number, bit: number) => {
    writeFileSync(path, flipped(good, at, bit));
    const report = verifyLedger(path);
    expect(report.clean, `byte ${at}`).toBe(false);
    expect(report.violations[0]?.message).toMatch(/./);
  };
  for (let at = 0; at < 100; at += 7) check(at, at % 8);
  const seal = good.length - (good.length % 4096);
  for (let at = seal; at < good.length; at += 5) check(at, at % 8);
  fc.assert(fc.property(fc.integer({ min: 0, max: good.length - 1 }), fc.integer({ min: 0, max: 7 }), check), { numRuns: 150 });
  writeFileSync(path, good);
  expect(verifyLedger(path).clean).toBe(true);
}, 120_000);

test('a damaged page is refused at opening, by its number', async () => {
  using folder = new TestFolder();
  const path = folder.join('ledger.db');
  await someLedger(path);
  const good = readFileSync(path);
  writeFileSync(path, flipped(good, 3 * 4096 + 2000, 3));
  await expect(openSqliteLedger({ path, logger: silentLogger })).rejects.toMatchObject({
    code: 'CORRUPT',
    message: expect.stringContaining('page 4'),
  });
});

test('killed at any moment it is clean, with what was answered; a flipped bit in the file or the log is found all the same', async () => {
  using folder = new TestFolder();
  const path = folder.join('ledger.db');
  for (let round = 0; round < 3; round += 1) {
    await using child = new Child('./settle-forever.ts', [path, String(round * 1_000_000)]);
    await child.said(400 + round * 137);
    await child.kill();
    const report = verifyLedger(path);
    expect(report.violations).toEqual([]);
    expect(report.sealed).toBe(true);
    const wal = readFileSync(`${path}-wal`);
    const file = readFileSync(path);
    expect(wal.length).toBeGreaterThan(0);
    for (let i = 0; i < 12; i += 1) {
      // Not in what the last, unfinished commit may have left.
      const at = Math.floor((wal.length * 0.9 * i) / 12);
      writeFileSync(`${path}-wal`, flipped(wal, at, i % 8));
      expect(verifyLedger(path).clean, `byte ${at} of the log`).toBe(false);
    }
    writeFileSync(`${path}-wal`, wal);
    for (let i = 0; i < 8; i += 1) {
      const at = Math.floor((file.length * i) / 8);
      writeFileSync(path, flipped(file, at, i % 8));
      expect(verifyLedger(path).clean, `byte ${at} of the file`).toBe(false);
    }
    writeFileSync(path, file);
  }
}, 120_000);

test('a log that is damaged before whole commits is refused at opening, not cut', async () => {
  using folder = new TestFolder();
  const path = folder.join('ledger.db');
  await using child = new Child('./settle-forever.ts', [path, '0']);
  await child.said(300);
  await child.kill();
  const wal = readFileSync(`${path}-wal`);
  writeFileSync(`${path}-wal`, flipped(wal, 3000, 1));
  await expect(openSqliteLedger({ path, logger: silentLogger })).rejects.toMatchObject({ code: 'CORRUPT' });
  expect(readFileSync(`${path}-wal`).length).toBe(wal.length);
  writeFileSync(`${path}-wal`, wal);
  await (await openSqliteLedger({ path, logger: silentLogger }))[Symbol.asyncDispose]();
  expect(verifyLedger(path)).toMatchObject({ clean: true, notes: [] });
}, 60_000);

test('a ledger that grows beyond the log, over many openings, stays sealed', async () => {
  using folder = new TestFolder();
  const path = folder.join('ledger.db');
  for (let round = 0; round < 3; round += 1) {
    await using store = await openSqliteLedger({ path, logger: silentLogger });
    const names = Array.from({ length: 400 }, (_, i) => `r${round} q${i}`);
    const big = 'x'.repeat(20_000);
    for (const name of names) await store.ledger.createQuote(newQuote(name, { paymentRequest: big }));
    expect(statSync(`${path}-wal`).size).toBeLessThan(6 * 1024 * 1024);
  }
  expect(verifyLedger(path)).toMatchObject({ clean: true, sealed: true, notes: [] });
}, 120_000);

test('while a process has it open it is not verified', async () => {
  using folder = new TestFolder();
  const path = folder.join('ledger.db');
  await using _ = await openSqliteLedger({ path, logger: silentLogger });
  expect(() => verifyLedger(path)).toThrow(expect.objectContaining({ code: 'LOCKED' }));
});

test.each([
  ["UPDATE quotes SET state = 'expired' WHERE id = 'q2'", ['settlement-without-effect']],
  ["DELETE FROM grants WHERE quote = 'q2'", ['settlement-without-effect']],
  ["UPDATE grants SET until = until - 1 WHERE quote = 'q2'", ['grant']],
  ["UPDATE grants SET syms = '[\"AAPL\"]' WHERE quote = 'q2'", ['grant']],
  ["DELETE FROM settlements WHERE quote = 'q2'", ['reference']],
  ["DELETE FROM credit_entries WHERE reason = 'underpaid'", ['settlement']],
  ["UPDATE credit_entries SET msat = msat + 1, credit_msat = credit_msat + 1 WHERE reason = 'overpaid' AND quote = 'q4'", ['settlement']],
  ["UPDATE settlements SET received_msat = 1 WHERE quote = 'q0'", ['settlement']],
  ['UPDATE nodes SET cursor = NULL', ['cursor']],
  ['DELETE FROM settlement_log WHERE position = 1', ['settlement-log']],
  ["UPDATE quotes SET state = 'settled', invoice_closed = 1 WHERE id = 'q3'", ['settled-without-settlement']],
  [
    `UPDATE payment_intents SET status = 'settled', outcome = '{"status":"settled","paymentHash":"' || payment_hash || '"}'`,
    ['payment-intent'],
  ],
  // What was quoted.
  ["UPDATE quotes SET amount_msat = amount_msat + 1 WHERE id = 'open'", ['price']],
  ['UPDATE quotes SET items = replace(items, \'"msat":"100000"\', \'"msat":"99"\') WHERE id = \'open\'', ['price']],
  ["UPDATE quotes SET items = 'x' WHERE id = 'over'", ['settlement']],
  // What a payment did.
  ["UPDATE settlements SET policy = replace(policy, 'honour', 'credit') WHERE quote = 'late'", ['settlement']],
  ["UPDATE settlements SET policy = replace(policy, 'refund', 'credit') WHERE quote = 'late'", ['settlement']],
  ["UPDATE settlements SET policy = 'x' WHERE quote = 'over'", ['settlement']],
  ["UPDATE settlements SET gone = '[]' WHERE quote = 'late'", ['settlement']],
  ["UPDATE settlements SET timing = 'in-time' WHERE quote = 'late'", ['settlement']],
  ["UPDATE settlements SET effect = 'set-aside' WHERE quote = 'over'", ['settlement']],
  ["UPDATE settlements SET settled_at = 5001 WHERE quote = 'over'", ['settlement']],
  ["UPDATE settlements SET day_ends = 1 WHERE quote = 'all'", ['grant']],
  // Grants.
  ["UPDATE grants SET terms = replace(terms, '3600000', '3600001') WHERE quote = 'over'", ['grant']],
  [
    "UPDATE grants SET starts_at = starts_at + 5, until = until + 5, ends_at = ends_at + 5 WHERE quote = 'renewal' AND position = 0",
    ['grant'],
  ],
  ["UPDATE grants SET ends_at = ends_at + 1 WHERE quote = 'all' AND position = 0", ['grant']],
  ["UPDATE grants SET replay_ms = 1 WHERE quote = 'over'", ['grant']],
  ["UPDATE grants SET subscription = 'subscription of q1' WHERE quote = 'over'", ['grant']],
  ["UPDATE grants SET next = '{\"X\":0}' WHERE quote = 'over'", ['grant']],
  ["UPDATE grants SET position = 7 WHERE quote = 'over'", ['grant']],
  ["DELETE FROM grants WHERE quote = 'renewal' AND position = 1", ['grant']],
  // Credit.
  ["DELETE FROM credit_entries WHERE reason = 'set-aside' AND quote = 'with credit'", ['credit']],
  ["DELETE FROM credit_entries WHERE reason = 'given-back' AND quote = 'ended'", ['credit']],
  ["DELETE FROM credit_entries WHERE reason = 'taken-again'", ['credit']],
  ["UPDATE credit_entries SET msat = -1, credit_msat = credit_msat + 2000 WHERE reason = 'taken-again'", ['credit']],
  ["UPDATE quotes SET state = 'withdrawn' WHERE id = 'open'", ['credit']],
  ["UPDATE quotes SET credit_msat = 1, amount_msat = 99999 WHERE id = 'open'", ['credit']],
  ['UPDATE credit_entries SET credit_msat = credit_msat + 1 WHERE number = 3', ['credit']],
  ["UPDATE credit_entries SET subscription = 'subscription of q1' WHERE quote = 'over'", ['of-another']],
  // Refund notes.
  ["DELETE FROM refund_notes WHERE reason = 'table-gone'", ['settlement']],
  ["UPDATE refund_notes SET msat = msat + 1 WHERE reason = 'table-gone'", ['settlement']],
  ["UPDATE refund_notes SET quote = 'open' WHERE reason = 'table-gone'", ['effect-without-settlement']],
  ["UPDATE refund_notes SET subscription = 'subscription of q1'", ['of-another']],
  [
    `INSERT INTO credit_entries SELECT NULL, subscription, quote, reason, msat, msat, at, cursor FROM refund_notes WHERE reason = 'duplicate'`,
    ['kept-twice'],
  ],
  // Prepaid balances and leases.
  ["DELETE FROM balance_entries WHERE kind = 'prepaid'", ['balance']],
  ["UPDATE balance_entries SET msat = msat + 1 WHERE kind = 'prepaid'", ['balance']],
  ["UPDATE balance_entries SET balance_msat = balance_msat + 1 WHERE kind = 'returned'", ['balance']],
  ["UPDATE balance_entries SET msat = msat - 1, balance_msat = balance_msat - 1 WHERE kind = 'lent'", ['lease']],
  ["DELETE FROM balance_entries WHERE kind = 'returned'", ['lease']],
  ['UPDATE leases SET spent_msat = spent_msat + 1 WHERE closed_at IS NOT NULL', ['lease']],
  ['UPDATE leases SET msat = msat + 1 WHERE closed_at IS NULL', ['lease']],
  ['UPDATE leases SET closed_at = 5004 WHERE closed_at IS NULL', ['lease']],
  ["UPDATE leases SET subscription = 'subscription of q1' WHERE closed_at IS NULL", ['lease']],
  // Billed rows.
  ["UPDATE billed_rows SET ranges = '[[7,9],[1,3]]'", ['billed-rows']],
  ["UPDATE billed_rows SET ranges = '[[1,3],[4,9]]'", ['billed-rows']],
  ["UPDATE billed_rows SET ranges = '[[3,1]]'", ['billed-rows']],
  ["UPDATE billed_rows SET ranges = '[]'", ['billed-rows']],
  ["UPDATE billed_rows SET ranges = 'x'", ['billed-rows']],
  ["UPDATE billed_rows SET subscription = 'subscription of q1'", ['billed-rows']],
])('what contradicts itself is named: %s', async (change, checks) => {
  using folder = new TestFolder();
  const path = folder.join('ledger.db');
  copyFileSync(template.join('ledger.db'), path);
  const { database, file } = openDatabase(path);
  database.exec('PRAGMA foreign_keys = OFF');
  for (const { name } of database.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").all())
    database.exec(`DROP TRIGGER ${name}`);
  database.exec(change);
  file?.[Symbol.dispose]();
  const { clean, violations } = verifyLedger(path);
  expect(clean).toBe(false);
  // What hangs together may be told of, too.
  expect(violations.map(({ check }) => check)).toEqual(expect.arrayContaining(checks));
});

test('a backup is made while commands go on, is what was committed when it was asked for, and is clean', async () => {
  using folder = new TestFolder();
  const path = folder.join('ledger.db');
  await someLedger(path, 50);
  const target = folder.join('backup.db');
  {
    await using store = await openSqliteLedger({ path, logger: silentLogger });
    await store.ledger.createQuote(newQuote('before'));
    const backup = store.backup(target);
    const after = store.ledger.createQuote(newQuote('after'));
    await Promise.all([backup, after]);
    expect(statSync(target).mode & 0o777).toBe(0o600);
    expect(verifyLedger(target)).toMatchObject({ clean: true, sealed: true, rows: { quotes: 60 } });
    await expect(store.backup(target)).rejects.toMatchObject({ code: 'CONFLICT' });
    await store.backup(target, { overwrite: true });
    expect(verifyLedger(target).rows['quotes']).toBe(61);
    await expect(store.backup(path, { overwrite: true })).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(store.backup(folder.join('nowhere', 'b.db'))).rejects.toMatchObject({ code: 'IO' });
  }
  await using copy = await openSqliteLedger({ path: target, logger: silentLogger });
  expect(await copy.ledger.quote('after')).toMatchObject({ state: 'open' });
  expect(readdirSync(folder.path).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

test('a backup of a ledger whose process was killed has what is in its log, and leaves the ledger as it was', async () => {
  using folder = new TestFolder();
  const path = folder.join('ledger.db');
  await using child = new Child('./settle-forever.ts', [path, '0']);
  await child.said(200);
  await child.kill();
  const before = [readFileSync(path), readFileSync(`${path}-wal`)];
  await backupLedger(path, folder.join('backup.db'));
  expect([readFileSync(path), readFileSync(`${path}-wal`)].every((bytes, i) => bytes.equals(before[i] as Buffer))).toBe(true);
  const report = verifyLedger(folder.join('backup.db'));
  expect(report).toMatchObject({ clean: true, sealed: true, notes: [] });
  expect(report.rows).toEqual(verifyLedger(path).rows);
});

test('a damaged ledger is not copied', async () => {
  using folder = new TestFolder();
  const path = folder.join('ledger.db');
  await someLedger(path);
  writeFileSync(path, flipped(readFileSync(path), 2 * 4096 + 5, 0));
  await expect(backupLedger(path, folder.join('backup.db'))).rejects.toMatchObject({ code: 'CORRUPT' });
  expect(readdirSync(folder.path).sort()).toEqual(['ledger.db', 'ledger.db-lock']);
});

test('a ledger without a seal, as an earlier version left it, is verified as far as can be, and sealed when it is opened', async () => {
  using folder = new TestFolder();
  const path = folder.join('ledger.db');
  await someLedger(path);
  const old = folder.join('old.db');
  copyFileSync(path, old);
  const database = new DatabaseSync(old);
  database.exec('VACUUM');
  database.close();
  const bytes = readFileSync(old);
  writeFileSync(old, bytes.subarray(0, bytes.length - (bytes.length % 4096)));
  rmSync(`${old}-wal`, { force: true });
  expect(verifyLedger(old)).toMatchObject({ clean: true, sealed: false, notes: [expect.stringContaining('no seal')] });
  await (await openSqliteLedger({ path: old, logger: silentLogger }))[Symbol.asyncDispose]();
  expect(verifyLedger(old)).toMatchObject({ clean: true, sealed: true, notes: [] });
});
