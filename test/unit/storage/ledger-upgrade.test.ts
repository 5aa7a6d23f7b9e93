import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { MAX_MSAT } from '../../../src/core/lightning/amount.ts';
import type { LedgerError } from '../../../src/core/ports/ledger.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { APPLICATION_ID } from '../../../src/storage/ledger/book.ts';
import { migration0001 } from '../../../src/storage/ledger/migrations/0001-ledger.ts';
import { SCHEMA_VERSION } from '../../../src/storage/ledger/migrations/all.ts';
import { openSqliteLedger } from '../../../src/storage/ledger/sqlite-ledger.ts';
import { verifyLedger } from '../../../src/storage/ledger/verify/verify-ledger.ts';
import { TestFolder } from './support/folders.ts';
import { hash, NODE, newQuote, settlement } from './support/quotes.ts';

const DAY_MS = 86_400_000;

interface OldQuote {
  readonly id: string;
  readonly items: readonly { readonly table: string; readonly syms: readonly string[] }[];
  readonly amount: bigint;
  readonly state: string;
}

/** A ledger as version 1 wrote it: with quotes in every state, grants of several tables, and credit. */
function oldLedger(path: string, spoil = ''): void {
  const database = new DatabaseSync(path);
  database.exec(
    `PRAGMA journal_mode = WAL; BEGIN; ${migration0001.sql}; PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = 1`,
  );
  database.prepare("INSERT INTO nodes VALUES (1, 'regtest', ?, 'the cursor', NULL)").run(NODE.nodeId);
  const addQuote = ({ id, items, amount, state }: OldQuote): void => {
    database.prepare('INSERT INTO subscriptions VALUES (?, ?, ?, 1000)').run(`subscription of ${id}`, `token of ${id}`, 'root key');
    database
      .prepare('INSERT INTO quotes VALUES (?, ?, 1, ?, ?, NULL, ?, ?, ?, ?, 1000, 5000, ?, ?)')
      .run(
        id,
        `subscription of ${id}`,
        state,
        `key of ${id}`,
        JSON.stringify(items),
        amount,
        hash(id),
        'lnbcrt…',
        DAY_MS,
        state === 'settled' ? 1 : 0,
      );
  };
  const settle = (id: string, effect: string, received: bigint, late: number): void => {
    database.prepare('INSERT INTO settlements VALUES (1, ?, ?, ?, ?, ?, 2000, 2500)').run(hash(id), id, effect, received, late);
  };
  const grant = (id: string, position: number, table: string, syms: readonly string[]): void => {
    const next = JSON.stringify(Object.fromEntries(syms.map((sym) => [sym, 17])));
    database
      .prepare('INSERT INTO grants VALUES (?, ?, ?, ?, ?, ?, 2500, ?, 3, ?)')
      .run(`${id}-${position}`, `subscription of ${id}`, id, position, table, JSON.stringify(syms), 2500 + DAY_MS, next);
  };
  const credit = (id: string, reason: string, amount: bigint, cursor: string): void => {
    database
      .prepare('INSERT INTO credit_entries VALUES (NULL, ?, ?, ?, ?, 2500, ?)')
      .run(`subscription of ${id}`, id, reason, amount, cursor);
  };
  addQuote({ id: 'paid', items: [{ table: 'trade', syms: ['AAPL', '__proto__'] }], amount: 200_000n, state: 'settled' });
  settle('paid', 'granted', 200_005n, 1);
  grant('paid', 0, 'trade', ['AAPL', '__proto__']);
  credit('paid', 'overpaid', 5n, 'c1');
  credit('paid', 'duplicate', 200_000n, 'c2');
  const tables = [
    { table: 'trade', syms: ['é', '"'] },
    { table: 'quote', syms: ['X'] },
    { table: 'book', syms: ['X', 'Y', 'Z', 'W'] },
  ];
  addQuote({ id: 'several', items: tables, amount: MAX_MSAT, state: 'settled' });
  settle('several', 'granted', MAX_MSAT, 0);
  for (const [position, { table, syms }] of tables.entries()) grant('several', position, table, syms);
  addQuote({ id: 'underpaid', items: [{ table: 'trade', syms: ['AAPL'] }], amount: 7n, state: 'open' });
  settle('underpaid', 'underpaid', 6n, 0);
  credit('underpaid', 'underpaid', 6n, 'c3');
  addQuote({ id: 'open', items: [{ table: 'trade', syms: ['AAPL', 'GOOG'] }], amount: 200_000n, state: 'open' });
  addQuote({ id: 'expired', items: [{ table: 'trade', syms: ['AAPL'] }], amount: 100_000n, state: 'expired' });
  database.exec(`COMMIT; PRAGMA foreign_keys = OFF; ${spoil}`);
  database.close();
}

test('a ledger of version 1 is brought forward with everything in it, and is clean before and after', async () => {
  using folder = new TestFolder();
  const path = folder.join('ledger.db');
  oldLedger(path);
  expect(verifyLedger(path)).toMatchObject({ violations: [], version: 1, rows: { quotes: 5, grants: 4 } });
  {
    await using store = await openSqliteLedger({ path, logger: silentLogger });
    const { ledger } = store;
    const terms = { kind: 'flat', msat: 100_000n, lastsMs: DAY_MS, replayMs: DAY_MS };
    expect(await ledger.quote('open')).toEqual({
      ...{ id: 'open', subscription: 'subscription of open', node: NODE, state: 'open', key: 'key of open', request: undefined },
      ...{ items: [{ table: 'trade', syms: ['AAPL', 'GOOG'], terms, amountMsat: 200_000n }], reason: 'asked' },
      ...{ amountMsat: 200_000n, creditMsat: 0n, paymentHash: hash('open'), paymentRequest: 'lnbcrt…' },
      ...{ createdAt: 1000, expiresAt: 5000, invoiceClosed: false },
    });
    expect(await ledger.subscription('subscription of paid')).toMatchObject({
      tokenId: 'token of paid',
      grants: [{ id: 'paid-0', table: 'trade', terms, grantedAt: 2500, until: 2500 + DAY_MS, epoch: 3 }],
      creditMsat: 200_005n,
      balanceMsat: 0n,
      billed: [],
    });
    const several = await ledger.quote('several');
    expect(several?.items.map(({ amountMsat }) => amountMsat).reduce((a, b) => a + b, 0n)).toBe(MAX_MSAT);
    expect((await ledger.subscription('subscription of several'))?.grants.map(({ table, syms }) => [table, syms])).toEqual(
      several?.items.map(({ table, syms }) => [table, syms]),
    );
    expect(await ledger.cursor(NODE)).toBe('the cursor');
    expect(await ledger.counts()).toMatchObject({ quotes: 5, settled: 2, creditMsat: 200_011n });
    expect(await ledger.neededFrom(3000)).toBe(2500);

    // And it goes on.
    expect(await ledger.applySettlement(settlement('paid', 'c9'))).toMatchObject({ kind: 'repeated' });
    expect(await ledger.applySettlement(settlement('paid', 'c2', { kind: 'duplicate' }))).toMatchObject({ kind: 'repeated' });
    expect(await ledger.applySettlement(settlement('open', 'c4', { now: 3000 }))).toMatchObject({
      kind: 'granted',
      grants: [{ terms, until: 3000 + DAY_MS }],
    });
    expect(await ledger.applySettlement(settlement('expired', 'c5'))).toMatchObject({ kind: 'granted', late: true });
    await ledger.createQuote(
      newQuote('with credit', { subscription: 'subscription of paid', amountMsat: 1n as never, creditMsat: 199_999n as never }),
    );
    expect((await ledger.subscription('subscription of paid'))?.creditMsat).toBe(6n);
    await ledger.expireQuotes(NODE, 6000);
  }
  expect(verifyLedger(path)).toMatchObject({ violations: [], version: SCHEMA_VERSION, sealed: true });
});

test('what is wrong in a ledger of version 1 is found before it is opened', () => {
  using folder = new TestFolder();
  const path = folder.join('ledger.db');
  oldLedger(path, "DROP TRIGGER grants_immutable; UPDATE grants SET until = until - 1 WHERE quote = 'paid'");
  expect(verifyLedger(path).violations).toMatchObject([{ check: 'grant', of: 'paid' }]);
});

test('a step that can not be made leaves the ledger as it is', async () => {
  using folder = new TestFolder();
  const path = folder.join('ledger.db');
  oldLedger(path, "DROP TRIGGER settlements_kept; DELETE FROM settlements WHERE quote = 'paid'");
  const failed = await openSqliteLedger({ path, logger: silentLogger }).catch((error: LedgerError) => error);
  expect(failed).toMatchObject({ code: 'CORRUPT', message: expect.stringContaining('left as it is') });
  expect(verifyLedger(path)).toMatchObject({ clean: false, version: 1, rows: { quotes: 5, grants: 4 } });
  expect(existsSync(`${path}-lock`)).toBe(true);
});
