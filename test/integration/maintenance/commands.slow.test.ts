import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { msat } from '../../../src/core/lightning/amount.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { openSqliteLedger } from '../../../src/storage/ledger/sqlite-ledger.ts';
import { Commands, type EndedCommand } from '../../support/command.ts';
import { TestFolder } from '../../unit/storage/support/folders.ts';
import { newQuote, POLICY, settlement } from '../../unit/storage/support/quotes.ts';

const folder = new TestFolder();
const commands = new Commands(folder.path);

async function run(...args: string[]): Promise<EndedCommand> {
  return await commands.run(args);
}

/** A server of the config; answers how to stop it. */
async function start(): Promise<() => Promise<void>> {
  const { child, ended, line } = commands.start(['start', '--json']);
  await line();
  return async () => {
    child.kill('SIGTERM');
    await ended;
  };
}

/** Waits until something holds. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await holds())) if (Date.now() > deadline) throw new Error('it did not come to that');
}

beforeAll(() => {
  writeFileSync(
    folder.join('tickerplant.config.yaml'),
    `backend: { kind: simulated }
tables:
  trade:
    columns: { time: timestamp, sym: symbol, price: float, size: long }
    symbols: [AAPL, GOOG]
    pricing: { kind: flat, msat: 100000, lasts: 24h }
feed: { kind: random, seed: 1, rowsPerSecond: 500 }
transports: { websocket: { port: 0 } }
`,
  );
});
afterAll(async () => {
  await commands[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

test('beside a running server: the ledger is backed up and verified, the journal verified and read; nothing is overwritten or cut', async () => {
  const stop = await start();
  try {
    const backup = await run('ledger', 'backup', 'backup.db', '--json');
    expect(backup).toMatchObject({ code: 0 });
    expect(JSON.parse(backup.stdout)).toMatchObject({ path: folder.join('backup.db'), online: true });
    expect(await run('ledger', 'backup', 'backup.db')).toMatchObject({ code: 1, stderr: expect.stringContaining('is there already') });
    expect(await run('ledger', 'backup', 'backup.db', '--force')).toMatchObject({ code: 0 });
    expect(await run('ledger', 'backup', 'data/ledger.db', '--force')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('the ledger itself'),
    });
    const verified = await run('ledger', 'verify', '--json');
    expect(verified.code).toBe(0);
    expect(JSON.parse(verified.stdout)).toMatchObject({ clean: true, online: true, sealed: true });
    await until(async () => JSON.parse((await run('journal', 'verify', '--json')).stdout).rows > 0);
    const journal = await run('journal', 'verify', '--json');
    expect(JSON.parse(journal.stdout)).toMatchObject({ clean: true, running: true });
    const replayed = await run('journal', 'replay', '--limit', '2');
    expect(JSON.parse(replayed.stdout.split('\n')[0] ?? '')).toMatchObject({ table: 'trade', epoch: 1, seq: 1, price: expect.any(Number) });
    expect(await run('journal', 'cut', '--yes')).toMatchObject({ code: 1, stderr: expect.stringContaining('in use') });
  } finally {
    await stop();
  }
  expect(readdirSync(folder.join('data')).sort()).toEqual(['journal', 'ledger.db', 'ledger.db-lock']);
}, 120_000);

/** Payments that were too little, as the server would note them. */
async function underpay(path: string): Promise<void> {
  await using store = await openSqliteLedger({ path, logger: silentLogger });
  for (const name of ['one', 'two']) {
    await store.ledger.createQuote(newQuote(name));
    await store.ledger.applySettlement(settlement(name, name, { received: msat(77_000), policy: { ...POLICY, underpaid: 'refund' } }));
  }
}

test('refunds are listed and noted as done, while the server runs and when it does not', async () => {
  await underpay(folder.join('data', 'ledger.db'));
  const listed = await run('ledger', 'refunds', '--json');
  expect(listed.code).toBe(0);
  const { refunds, online } = JSON.parse(listed.stdout) as { refunds: readonly { readonly id: string }[]; online: boolean };
  expect(online).toBe(false);
  expect(refunds).toEqual(
    ['one', 'two'].map((quote) => ({
      ...{ id: expect.any(String), subscription: `subscription of ${quote}`, quote, paymentHash: expect.stringMatching(/^[0-9a-f]{64}$/) },
      ...{ msat: '77000', reason: 'underpaid', at: 2500 },
    })),
  );
  const [first = { id: '' }, second = { id: '' }] = refunds;
  expect(await run('ledger', 'refunds', 'done', first.id)).toMatchObject({ code: 0, stdout: `refund ${first.id} is done\n` });
  expect(await run('ledger', 'refunds', 'done', first.id)).toMatchObject({ code: 1, stderr: expect.stringContaining('no refund') });
  const stop = await start();
  try {
    const beside = JSON.parse((await run('ledger', 'refunds', '--json')).stdout);
    expect(beside).toMatchObject({ refunds: [{ id: second.id }], online: true });
    expect(await run('ledger', 'refunds')).toMatchObject({ code: 0, stdout: expect.stringContaining('77000 msat, underpaid') });
    const done = await run('ledger', 'refunds', 'done', second.id, '--json');
    expect(JSON.parse(done.stdout)).toMatchObject({ id: second.id, done: true, online: true });
    expect(await run('ledger', 'refunds', 'done', '999')).toMatchObject({ code: 1 });
  } finally {
    await stop();
  }
  expect(await run('ledger', 'refunds')).toMatchObject({ code: 0, stdout: 'nothing is to be given back\n' });
  expect(await run('ledger', 'refunds', '--ledger', 'nowhere.db')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('nowhere.db'),
  });
}, 120_000);

test('after it was stopped: clean, and after a flipped byte not', async () => {
  expect(await run('ledger', 'verify')).toMatchObject({ code: 0, stdout: expect.stringContaining('clean') });
  expect(await run('ledger', 'verify', 'backup.db')).toMatchObject({ code: 0 });
  const path = folder.join('data', 'ledger.db');
  const good = readFileSync(path);
  const bad = Buffer.from(good);
  bad.writeUInt8(bad.readUInt8(20_000) ^ 1, 20_000);
  writeFileSync(path, bad);
  expect(await run('ledger', 'verify')).toMatchObject({ code: 1, stdout: expect.stringContaining('page 5') });
  writeFileSync(path, good);
  expect(await run('ledger', 'verify', 'nowhere.db')).toMatchObject({ code: 1, stderr: expect.stringContaining('nowhere.db') });
}, 60_000);

test('the journal is exported as CSV, NDJSON and Parquet, each with every row; a file that is there is not replaced', async () => {
  const { rows } = JSON.parse((await run('journal', 'verify', '--json')).stdout) as { rows: number };
  expect(await run('journal', 'export', '-o', 'trade.csv', '--json')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`"rows":${rows}`),
  });
  expect(readFileSync(folder.join('trade.csv'), 'utf8').trimEnd().split('\n')).toHaveLength(rows + 1);
  expect(await run('journal', 'export', '-o', 'trade.csv')).toMatchObject({ code: 1, stderr: expect.stringContaining('--force') });
  const lines = (await run('journal', 'export', '-f', 'ndjson')).stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(rows);
  expect(await run('journal', 'export', '-f', 'parquet', '-o', 'trade.parquet')).toMatchObject({ code: 0 });
  const bytes = readFileSync(folder.join('trade.parquet'));
  expect(bytes.toString('latin1', 0, 4) + bytes.toString('latin1', bytes.length - 4)).toBe('PAR1PAR1');
}, 60_000);

test('a damaged journal: verify names the byte, cut says what is lost and only cuts when it is agreed to', async () => {
  const dir = folder.join('data', 'journal');
  const name = readdirSync(dir).find((file) => file.endsWith('.journal')) ?? '';
  const path = folder.join('data', 'journal', name);
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(3000) ^ 8, 3000);
  writeFileSync(path, bytes);
  expect(await run('journal', 'verify')).toMatchObject({ code: 1, stdout: expect.stringContaining(name) });
  expect(await run('journal', 'replay')).toMatchObject({ code: 1, stderr: expect.stringContaining('damaged at byte') });
  expect(await run('journal', 'cut', '--dry-run')).toMatchObject({ code: 0, stdout: expect.stringContaining('lost: trade') });
  expect(await run('journal', 'cut')).toMatchObject({ code: 1, stdout: expect.stringContaining('nothing was changed') });
  expect(readFileSync(path).equals(bytes)).toBe(true);
  const cut = await run('journal', 'cut', '--yes', '--json');
  expect(JSON.parse(cut.stdout)).toMatchObject({ cut: true, place: { file: name } });
  expect(await run('journal', 'verify')).toMatchObject({ code: 0 });
  expect(await run('journal', 'cut', '--yes', '--json')).toMatchObject({ code: 0, stdout: '{"cut":false}\n' });
}, 60_000);
