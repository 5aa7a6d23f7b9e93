import { spawn } from 'node:child_process';
import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Account, newAccount } from '../../../src/client/account.ts';
import { readAccount, writeAccount } from '../../../src/client/account-file.ts';
import { PositionLog } from '../../../src/client/position-log.ts';
import { openStateDirectory } from '../../../src/client/state-directory.ts';
import { msat } from '../../../src/core/lightning/amount.ts';
import { nodeId, paymentHash } from '../../../src/core/lightning/identifiers.ts';

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'subscriber-state-'));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const directory = (): string => join(base, 'state');
const request = { url: 'ws://localhost:1', table: 'trade', syms: ['AAPL', 'GOOG'] };
const account: Account = {
  request,
  spentMsat: msat(201_000),
  followUps: [],
  standing: {
    prepaidMsat: msat(20_000),
    usedMsat: msat(30),
    counted: { trade: { epoch: 1, seqs: { AAPL: 3 } } },
    paidUntil: { quote: { AAPL: 17 } },
  },
  past: [],
  purchase: {
    key: 'ab'.repeat(32),
    stage: 'active',
    reservedMsat: msat(0),
    paidMsat: msat(201_000),
    payer: { network: 'regtest', nodeId: nodeId(`02${'11'.repeat(32)}`) },
    offer: {
      quote: 'q',
      subscription: 's',
      token: 'very-secret-token',
      reason: 'asked',
      items: [
        {
          table: 'trade',
          syms: ['AAPL', 'GOOG'],
          schema: [{ name: 'time', type: 'timestamp' }],
          terms: { kind: 'tick', msat: 10n, prepayMsat: 10_000n, topUpBelowMsat: 2_000n, lastsMs: 1, replayMs: 2 },
          amountMsat: msat(200_000),
        },
      ],
      creditMsat: msat(0),
      amountMsat: msat(200_000),
      invoice: 'lnbcrt1',
      paymentHash: paymentHash('cd'.repeat(32)),
      expiresAt: 1,
      until: 2,
      node: { id: 'n', uris: [] },
    },
  },
};

test('an account comes back from its text as it was', () => {
  expect(readAccount(writeAccount(account))).toEqual(account);
});

test('an account of a version that knew one way to pay is read', () => {
  const offer = account.purchase?.offer;
  const [{ terms: _terms, amountMsat: _amount, ...item } = {}] = offer?.items ?? [];
  const { creditMsat: _credit, reason: _reason, ...old } = { ...offer, items: [item] };
  const { followUps: _followUps, standing: _standing, ...rest } = account;
  const text = JSON.stringify({ version: 1, ...rest, purchase: { ...account.purchase, offer: old } }, (_key, part) =>
    typeof part === 'bigint' ? String(part) : part,
  );
  const { purchase, standing } = readAccount(text);
  expect(purchase?.offer).toMatchObject({ reason: 'asked', amountMsat: 200_000n, creditMsat: 0n });
  expect(purchase?.offer?.items[0]).toMatchObject({ amountMsat: 200_000n, terms: { kind: 'flat', msat: 100_000n } });
  expect(standing.prepaidMsat).toBe(0n);
});

test('account and positions are there again after opening anew, in files that only their owner can read', async () => {
  {
    await using state = openStateDirectory({ directory: directory() });
    await state.save(account);
    state.commit([{ table: 'trade', epoch: 3, sym: 'AAPL', seq: 17 }]);
    state.commit([{ table: 'trade', epoch: 3, sym: 'GOOG', seq: 4 }]);
  }
  await using state = openStateDirectory({ directory: directory() });
  expect(state.account(request)).toEqual(account);
  expect(state.positions().after()).toEqual({ trade: { epoch: 3, seqs: { AAPL: 17, GOOG: 4 } } });
  expect(statSync(directory()).mode & 0o777).toBe(0o700);
  for (const name of readdirSync(directory())) expect(statSync(join(directory(), name)).mode & 0o077, name).toBe(0);
});

test('symbols in another order are the same request; another table, server or symbol is not', async () => {
  await using state = openStateDirectory({ directory: directory() });
  await state.save(account);
  expect(state.account({ ...request, syms: ['GOOG', 'AAPL'] })).toEqual(account);
  for (const other of [{ table: 'quote' }, { url: 'ws://localhost:2' }, { syms: ['AAPL'] }, { syms: '*' as const }]) {
    expect(() => state.account({ ...request, ...other })).toThrow(expect.objectContaining({ code: 'STATE_MISMATCH' }));
  }
});

test('a first try that came to no offer leaves the directory free for another request', async () => {
  await using state = openStateDirectory({ directory: directory() });
  await state.save({
    ...newAccount(request),
    purchase: { key: 'ab'.repeat(16), stage: 'keyed', reservedMsat: msat(0), paidMsat: msat(0) },
  });
  expect(state.account({ ...request, syms: ['AAPL'] }).purchase).toBeUndefined();
});

test('a damaged account is an error that neither begins anew nor shows the token', async () => {
  {
    await using state = openStateDirectory({ directory: directory() });
    await state.save(account);
  }
  const path = join(directory(), 'subscription.json');
  for (const damage of [
    readFileSync(path, 'utf8').slice(0, 500),
    '{}',
    '',
    readFileSync(path, 'utf8').replace('"version": 1', '"version": 2'),
  ]) {
    writeFileSync(path, damage);
    expect(() => openStateDirectory({ directory: directory() })).toThrow(expect.objectContaining({ code: 'STATE_CORRUPT' }));
    expect(() => openStateDirectory({ directory: directory() })).not.toThrow(/very-secret-token/);
  }
});

test('a second opening is refused; the first one gone, it is let in', async () => {
  const first = openStateDirectory({ directory: directory() });
  expect(() => openStateDirectory({ directory: directory() })).toThrow(expect.objectContaining({ code: 'STATE_LOCKED' }));
  await first[Symbol.asyncDispose]();
  await using again = openStateDirectory({ directory: directory() });
  expect(again.recovered).toBeUndefined();
});

test('another process that has it keeps others out, until it is killed', async () => {
  const script = `
    const { openStateDirectory } = await import(${JSON.stringify(join(import.meta.dirname, '../../../src/client/state-directory.ts'))});
    openStateDirectory({ directory: ${JSON.stringify(directory())} });
    console.log('open');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  expect(() => openStateDirectory({ directory: directory() })).toThrow(expect.objectContaining({ code: 'STATE_LOCKED' }));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  await using state = openStateDirectory({ directory: directory() });
  expect(state.recovered).toBeUndefined();
});

test('a record that was torn anywhere is never read: the one before it holds', () => {
  const path = join(base, 'positions');
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.nat({ max: 60 }), (records, torn) => {
      rmSync(path, { force: true });
      const log = PositionLog.open(path);
      for (let seq = 1; seq <= records; seq += 1) log.record({ positions: { t: { epoch: 1, seqs: { S: seq } } }, headed: false });
      log.close();
      // As if the newest record had been broken off somewhere.
      const fd = openSync(path, 'r+');
      const slot = 4096 + (records % 2) * 256 * 1024;
      writeSync(fd, Buffer.from([0xa5]), 0, 1, slot + 4 + torn);
      const again = PositionLog.open(path);
      const seq = again.current.positions['t']?.seqs['S'] ?? 0;
      again.close();
      expect([records - 1, records]).toContain(seq);
    }),
    { numRuns: 100 },
  );
});

test('positions of thousands of symbols, and batches beyond the slot, have room', () => {
  const path = join(base, 'positions');
  const seqs = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`SYMBOL${index}`, index]));
  const bytes = Buffer.alloc(700_000, 'x');
  const log = PositionLog.open(path);
  log.record({ positions: { t: { epoch: 1, seqs: { S: 1 } } }, headed: false });
  log.record({ positions: { t: { epoch: 1, seqs } }, headed: true });
  log.begin({ positions: { t: { epoch: 1, seqs } }, headed: true, place: {}, bytes });
  log.close();
  const again = PositionLog.open(path);
  expect(again.unfinished?.bytes?.length).toBe(bytes.length);
  expect(again.unfinished?.positions['t']?.seqs).toEqual(seqs);
  again.resolve(false);
  expect(again.current).toMatchObject({ headed: true, positions: { t: { epoch: 1, seqs } } });
  again.close();
});

test('a file that is something else is refused', () => {
  const path = join(base, 'positions');
  writeFileSync(path, 'these are not positions, and long enough');
  expect(() => PositionLog.open(path)).toThrow(expect.objectContaining({ code: 'STATE_CORRUPT' }));
});

test('a file of positions that a full disk left with room and no heading is begun anew; one with records and no heading is not', () => {
  const path = join(base, 'positions');
  writeFileSync(path, Buffer.alloc(4096 + 2 * 256 * 1024));
  const log = PositionLog.open(path);
  expect(log.current.positions).toEqual({});
  log.record({ positions: { trade: { epoch: 1, seqs: { AAPL: 7 } } }, headed: false });
  log.close();
  expect(PositionLog.open(path).current.positions).toEqual({ trade: { epoch: 1, seqs: { AAPL: 7 } } });

  const bytes = readFileSync(path);
  writeFileSync(path, bytes.fill(0, 0, 12));
  expect(() => PositionLog.open(path)).toThrow('not a file of positions');
});
