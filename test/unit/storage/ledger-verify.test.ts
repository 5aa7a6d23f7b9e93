import { copyFileSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { backupLedger } from '../../../src/storage/ledger/backup-ledger.ts';
import { SCHEMA_VERSION } from '../../../src/storage/ledger/migrations/all.ts';
import { openDatabase } from '../../../src/storage/ledger/open-database.ts';
import { openSqliteLedger } from '../../../src/storage/ledger/sqlite-ledger.ts';
import { verifyLedger } from '../../../src/storage/ledger/verify/verify-ledger.ts';
import { Child } from './support/child.ts';
import { TestFolder } from './support/folders.ts';
import { newQuote, node, settlement } from './support/quotes.ts';

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
  expect(report.rows).toMatchObject({ quotes: 20, settlements: 13, grants: 10, payment_intents: 1, settlement_log: 2 });
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
});

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
}, 60_000);

test('while a process has it open it is not verified', async () => {
  using folder = new TestFolder();
  const path = folder.join('ledger.db');
  await using _ = await openSqliteLedger({ path, logger: silentLogger });
  expect(() => verifyLedger(path)).toThrow(expect.objectContaining({ code: 'LOCKED' }));
});

test.each([
  ["UPDATE quotes SET state = 'expired' WHERE id = 'q2'", ['settlement-without-effect']],
  ["DELETE FROM grants WHERE quote = 'q2'", ['settlement-without-effect']],
  ["UPDATE grants SET until = until + 1 WHERE quote = 'q2'", ['grant']],
  ["UPDATE grants SET syms = '[\"AAPL\"]' WHERE quote = 'q2'", ['grant', 'grant']],
  [
    "DELETE FROM settlements WHERE quote = 'q2'",
    ['reference', 'settled-without-settlement', 'effect-without-settlement', 'effect-without-settlement'],
  ],
  ["DELETE FROM credit_entries WHERE reason = 'underpaid'", ['settlement-without-effect']],
  ["UPDATE credit_entries SET msat = msat + 1 WHERE reason = 'overpaid' AND quote = 'q4'", ['settlement-without-effect']],
  ["UPDATE settlements SET received_msat = 1 WHERE quote = 'q0'", ['price']],
  ['UPDATE nodes SET cursor = NULL', ['cursor']],
  ['DELETE FROM settlement_log WHERE position = 1', ['settlement-log']],
  ["UPDATE quotes SET state = 'settled', invoice_closed = 1 WHERE id = 'q3'", ['settled-without-settlement']],
  [
    `UPDATE payment_intents SET status = 'settled', outcome = '{"status":"settled","paymentHash":"' || payment_hash || '"}'`,
    ['payment-intent'],
  ],
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
  expect(violations.map(({ check }) => check)).toEqual(checks);
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
    expect(verifyLedger(target)).toMatchObject({ clean: true, sealed: true, rows: { quotes: 51 } });
    await expect(store.backup(target)).rejects.toMatchObject({ code: 'CONFLICT' });
    await store.backup(target, { overwrite: true });
    expect(verifyLedger(target).rows['quotes']).toBe(52);
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
