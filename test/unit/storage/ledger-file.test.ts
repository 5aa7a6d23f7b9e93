import { mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import type { SettlementCursor } from '../../../src/core/lightning/settlement.ts';
import { LedgerError } from '../../../src/core/ports/ledger.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { GroupCommit } from '../../../src/storage/ledger/group-commit.ts';
import { openDatabase } from '../../../src/storage/ledger/open-database.ts';
import { openSqliteLedger, type SqliteLedger } from '../../../src/storage/ledger/sqlite-ledger.ts';
import { Child } from './support/child.ts';
import { TestFolder } from './support/folders.ts';
import { NODE, newQuote, settlement } from './support/quotes.ts';
import { SmallDisk } from './support/small-disk.ts';

const open = (path: string): Promise<SqliteLedger> => openSqliteLedger({ path, logger: silentLogger });

async function failure(promise: Promise<unknown>): Promise<LedgerError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(LedgerError);
  return error as LedgerError;
}

test('the file and its folder are made, for the owner only, and what was committed is there again', async () => {
  using folder = new TestFolder();
  const path = folder.join('new', 'deep', 'ledger.db');
  {
    await using store = await open(path);
    await store.ledger.createQuote(newQuote('a'));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(`${path}-wal`).mode & 0o777).toBe(0o600);
  }
  await using store = await open(path);
  expect(await store.ledger.quote('a')).toMatchObject({ id: 'a', state: 'open' });
});

test('closing commits what was sent, and what comes after is refused', async () => {
  using folder = new TestFolder();
  const path = folder.join('ledger.db');
  const store = await open(path);
  const sent = store.ledger.createQuote(newQuote('a'));
  const closed = store[Symbol.asyncDispose]();
  expect((await failure(store.ledger.counts())).code).toBe('CLOSED');
  await closed;
  expect((await sent).created).toBe(true);
  await store.ledger[Symbol.asyncDispose]();
  expect((await failure(store.intents.findKeysend(NODE, 'key'))).code).toBe('CLOSED');
});

test('a ledger that another process has is refused, naming it, and free as soon as that one is killed', async () => {
  using folder = new TestFolder();
  const path = folder.join('ledger.db');
  await using holder = new Child('./hold-ledger.ts', [path]);
  await holder.said(1);
  const error = await failure(open(path));
  expect(error.code).toBe('LOCKED');
  expect(error.message).toContain(path);
  await holder.kill();
  await using store = await open(path);
  expect(await store.ledger.counts()).toMatchObject({ quotes: 0 });
});

test('a second ledger on the same file in one process is refused too', async () => {
  using folder = new TestFolder();
  await using first = await open(folder.join('ledger.db'));
  expect((await failure(open(folder.join('ledger.db')))).code).toBe('LOCKED');
  expect((await first.ledger.createQuote(newQuote('a'))).created).toBe(true);
});

test('killed at any moment: what was answered is there, every settled quote has its grant, and no grant is without settlement', async () => {
  using folder = new TestFolder();
  const path = folder.join('ledger.db');
  for (let round = 0; round < 3; round += 1) {
    await using child = new Child('./settle-forever.ts', [path, String(round * 1_000_000)]);
    await child.said(20 + round * 37);
    await child.kill();
    await using store = await open(path);
    for (const line of child.lines.filter((text) => /^\w+ \w+$/.test(text))) {
      const [what, name = ''] = line.split(' ');
      const quote = await store.ledger.quote(name);
      if (what === 'settled') expect(quote?.state).toBe('settled');
      else expect(quote).toBeDefined();
      const grants = (await store.ledger.subscription(`subscription of ${name}`))?.grants ?? [];
      expect(grants).toHaveLength(quote?.state === 'settled' ? 1 : 0);
      const repeated = await store.ledger.applySettlement(settlement(name, 'again'));
      expect(repeated.kind).toBe(quote?.state === 'settled' ? 'repeated' : 'granted');
    }
  }
}, 120_000);

test.each([
  ['text', (path: string) => writeFileSync(path, 'this is no database, whatever its name says. '.repeat(100))],
  ["another program's database", (path: string) => new DatabaseSync(path).exec('CREATE TABLE t (x)')],
  ['a folder', (path: string) => mkdirSync(path)],
])('%s is refused as no ledger, naming it, and is left as it was', async (_, make) => {
  using folder = new TestFolder();
  const path = folder.join('ledger.db');
  make(path);
  const before = statSync(path).isFile() ? readFileSync(path) : undefined;
  const error = await failure(open(path));
  expect(error.code).toBe('CORRUPT');
  expect(error.message).toContain(path);
  if (before !== undefined) expect(readFileSync(path).equals(before)).toBe(true);
});

async function ledgerWith(path: string, quotes: number): Promise<void> {
  await using store = await open(path);
  await Promise.all(Array.from({ length: quotes }, (_, i) => store.ledger.createQuote(newQuote(`q${i}`))));
}

test('a damaged ledger is refused', async () => {
  using folder = new TestFolder();
  const path = folder.join('ledger.db');
  await ledgerWith(path, 200);
  const bytes = readFileSync(path);
  bytes.fill(0xa5, 4096 * 3, 4096 * 3 + 64);
  writeFileSync(path, bytes);
  expect(await failure(open(path))).toMatchObject({ code: 'CORRUPT' });
});

test('a ledger that was cut short is refused', async () => {
  using folder = new TestFolder();
  const path = folder.join('ledger.db');
  await ledgerWith(path, 200);
  truncateSync(path, 4096 * 5);
  expect(await failure(open(path))).toMatchObject({ code: 'CORRUPT' });
});

test('a ledger of a newer version is refused, saying which', async () => {
  using folder = new TestFolder();
  const path = folder.join('ledger.db');
  await ledgerWith(path, 1);
  const database = new DatabaseSync(path);
  database.exec('PRAGMA user_version = 99');
  database.close();
  const error = await failure(open(path));
  expect(error.code).toBe('NEWER');
  expect(error.message).toMatch(/99/);
});

test('a folder that can not be made is an error that names the path', async () => {
  using folder = new TestFolder();
  writeFileSync(folder.join('file'), '');
  const error = await failure(open(folder.join('file', 'ledger.db')));
  expect(error.code).toBe('IO');
  expect(error.message).toContain(folder.path);
});

test('where the disk is full nothing of the group has taken effect, and with room it goes on', async () => {
  using folder = new TestFolder();
  const { database } = openDatabase(folder.join('ledger.db'));
  const groups = new GroupCommit(database, 'ledger.db');
  const create = (id: number, name: string) => ({
    kind: 'command' as const,
    id,
    port: 'ledger' as const,
    command: 'createQuote',
    args: [newQuote(name, { paymentRequest: 'x'.repeat(500) })],
  });
  const pages = Number(database.prepare('PRAGMA page_count').get()?.['page_count']);
  database.exec(`PRAGMA max_page_count = ${pages + 5}`);
  expect(await groups.run([create(1, 'fits')])).toMatchObject([{ id: 1, value: { created: true } }]);
  const answers = await groups.run(Array.from({ length: 60 }, (_, i) => create(i, `q${i}`)));
  const refused = answers.filter((answer) => 'failure' in answer);
  expect(refused.length).toBeGreaterThan(0);
  for (const answer of refused) expect(answer).toMatchObject({ failure: { code: 'FULL' } });
  database.exec('PRAGMA max_page_count = 1000000');
  const made = Number(database.prepare('SELECT count(*) AS n FROM quotes').get()?.['n']);
  expect(made).toBe(1 + answers.length - refused.length);
  expect(await groups.run([create(100, 'after')])).toMatchObject([{ value: { created: true } }]);
  database.close();
});

test('a full disk is reported as such, what was answered stays, and with room the ledger goes on', async () => {
  using folder = new TestFolder();
  using disk = SmallDisk.mount(folder, 768);
  // Only root may mount one; the case above shows the same on any system with a file that may not grow.
  if (disk === undefined) return;
  await using store = await open(`${disk.path}/ledger.db`);
  const filler = `${disk.path}/filler`;
  writeFileSync(filler, Buffer.alloc(128 * 1024));
  const made: string[] = [];
  let error: unknown;
  for (let i = 0; error === undefined && i < 5000; i += 1) {
    await store.ledger.createQuote(newQuote(`q${i}`)).then(
      () => made.push(`q${i}`),
      (thrown: unknown) => {
        error = thrown;
      },
    );
  }
  expect(error).toMatchObject({ code: 'FULL' });
  expect((error as Error).message).toContain(disk.path);
  expect(await store.ledger.counts()).toMatchObject({ quotes: made.length });
  truncateSync(filler, 0);
  expect((await store.ledger.createQuote(newQuote('after'))).created).toBe(true);
  await store.ledger.saveCursor(NODE, 'c' as SettlementCursor);
  expect(await store.ledger.cursor(NODE)).toBe('c');
});

test('what records money is written once: the file itself refuses to change it', async () => {
  using folder = new TestFolder();
  const path = folder.join('ledger.db');
  {
    await using store = await open(path);
    await store.ledger.createQuote(newQuote('a'));
    await store.ledger.applySettlement(settlement('a', '1', { received: 200_001n as never }));
  }
  const database = new DatabaseSync(path);
  for (const change of [
    'DELETE FROM grants',
    'UPDATE grants SET until = 0',
    'DELETE FROM settlements',
    'UPDATE settlements SET received_msat = 0',
    'DELETE FROM credit_entries',
    'UPDATE credit_entries SET msat = 5',
    "UPDATE quotes SET state = 'open'",
    "UPDATE quotes SET amount_msat = 1, items = '[]'",
    "INSERT INTO grants SELECT 99, 'x', subscription, 'no settlement', 0, 0, table_name, syms, terms, granted_at, starts_at, until, ends_at, replay_ms, epoch, next FROM grants",
  ]) {
    expect(() => database.exec(change)).toThrow();
  }
  database.close();
});
