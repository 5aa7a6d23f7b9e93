import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { JournalError } from '../../../src/core/ports/journal.ts';
import { PublishedRows } from '../../../src/core/tickerplant/published-rows.ts';
import { Child } from './support/child.ts';
import { TestClock } from './support/clock.ts';
import { TestFolder } from './support/folders.ts';
import { filterOf, open, plain, readAll, rows } from './support/journal.ts';
import { SmallDisk } from './support/small-disk.ts';

const seen = (records: readonly PublishedRows[]): readonly unknown[] => records.map(plain);

test('an empty journal begins with epoch 1 and has nothing', async () => {
  using folder = new TestFolder();
  await using journal = await open(folder.join('new', 'journal'));
  expect(journal.epoch).toBe(1);
  expect(journal.recovery).toEqual({ cutBytes: 0, continued: false });
  expect(journal.lastSeqs.size).toBe(0);
  const filter = filterOf('trade', { AAPL: 0 });
  expect(journal.bytesTo(journal.seek(filter))).toBe(0);
  expect(journal.readSync(filter, journal.seek(filter)).records).toEqual([]);
  expect((await journal.read(filter, journal.seek(filter), 100)).records).toEqual([]);
  expect(journal.earliest('trade', 'AAPL')).toBeUndefined();
  expect(await journal.last('trade', ['AAPL'])).toEqual([]);
  expect(readdirSync(folder.join('new', 'journal'))).toContain('00000001-2026-11-20.journal');
});

test('what was appended is read back to the byte, of the wanted table and symbols, after the wanted numbers', async () => {
  using folder = new TestFolder();
  await using journal = await open(folder.path);
  const all = [
    rows('trade', 'AAPL', 1, 1, 2),
    rows('trade', 'GOOG', 1, 1, 1),
    rows('tradex', 'AAPL', 1, 1, 1),
    rows('trade', '€ 漢字', 1, 5, 3),
    rows('trade', '__proto__', 1, 1, 1),
    rows('trade', 'AAPL', 1, 3, 4, 'a longer text'),
  ];
  journal.append(all.slice(0, 3));
  journal.append([]);
  journal.append(all.slice(3));
  const filter = filterOf('trade', { AAPL: 2, '€ 漢字': 0, __never__: 0 });
  expect(seen(await readAll(journal, filter))).toEqual(seen([all[3], all[5]] as PublishedRows[]));
  expect(seen(journal.readSync(filterOf('trade', { AAPL: 1 }), journal.seek(filterOf('trade', { AAPL: 1 }))).records)).toEqual(
    seen([all[0], all[5]] as PublishedRows[]),
  );
  expect(seen(journal.readSync(filterOf('trade', { AAPL: 6 }), journal.seek(filterOf('trade', { AAPL: 6 }))).records)).toEqual([]);
  expect(seen(await journal.last('trade', ['GOOG', 'NONE', 'AAPL']))).toEqual(seen([all[1], all[5]] as PublishedRows[]));
  expect(journal.earliest('trade', '€ 漢字')).toBe(5);
  expect(journal.earliest('trade', 'AAPL')).toBe(1);
});

test('last records are at hand where they are few, short, and in the segment that is written to', async () => {
  using folder = new TestFolder();
  await using journal = await open(folder.path);
  const many = Array.from({ length: 20 }, (_, i) => `S${i}`);
  journal.append(many.map((sym) => rows('trade', sym, 1, 1, 2)));
  journal.append([rows('trade', 'LONG', 1, 1, 1, 'x'.repeat(100_000))]);
  expect(seen(journal.lastSync('trade', ['S3', 'NONE', 'S1']) ?? [])).toEqual(seen(await journal.last('trade', ['S3', 'S1'])));
  expect(journal.lastSync('trade', many)).toBeUndefined();
  expect(journal.lastSync('trade', ['LONG'])).toBeUndefined();
  journal.roll('2026-11-21');
  expect(journal.lastSync('trade', ['S3'])).toBeUndefined();
  expect(journal.lastSync('trade', ['NONE'])).toEqual([]);
});

test('a record longer than what is asked for is read all the same', async () => {
  using folder = new TestFolder();
  await using journal = await open(folder.path);
  journal.append([rows('trade', 'AAPL', 1, 1, 1, 'x'.repeat(3_000_000)), rows('trade', 'AAPL', 1, 2, 1)]);
  for (const maxBytes of [0, 1, 40, 5000]) expect(await readAll(journal, filterOf('trade', { AAPL: 0 }), maxBytes)).toHaveLength(2);
  expect(journal.readSync(filterOf('trade', { AAPL: 0 }), { segment: 1, offset: 0 }).records).toHaveLength(2);
});

test('reading goes on where it was, while rows are appended and segments end', async () => {
  using folder = new TestFolder();
  await using journal = await open(folder.path, { segmentBytes: 2000 });
  const filter = filterOf('trade', { AAPL: 0 });
  let position = journal.seek(filter);
  const got: PublishedRows[] = [];
  for (let seq = 1; seq <= 200; seq += 1) {
    journal.append([rows('trade', 'AAPL', 1, seq, 1)]);
    if (seq % 3 !== 0) continue;
    const chunk = seq % 2 === 0 ? await journal.read(filter, position, 150) : journal.readSync(filter, position);
    got.push(...chunk.records);
    position = chunk.next;
  }
  got.push(...journal.readSync(filter, position).records);
  expect(got.map(({ seq }) => seq)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
  expect(readdirSync(folder.path).filter((name) => name.endsWith('.journal')).length).toBeGreaterThan(5);
});

test.each([
  ['another epoch', rows('trade', 'AAPL', 2, 3, 1)],
  ['a number again', rows('trade', 'AAPL', 1, 2, 1)],
  ['a number too far on', rows('trade', 'AAPL', 1, 5, 1)],
  ['no rows', new PublishedRows('trade', 'AAPL', 1, 3, 0, Buffer.from('[]'))],
  ['a number below one', rows('trade', 'NEW', 1, 0, 1)],
  ['a name too long', rows('trade', 'x'.repeat(70_000), 1, 1, 1)],
])('%s is refused as a fault, and nothing of the append is recorded', async (_, wrong) => {
  using folder = new TestFolder();
  await using journal = await open(folder.path);
  journal.append([rows('trade', 'AAPL', 1, 1, 2)]);
  expect(() => journal.append([rows('trade', 'MSFT', 1, 7, 1), rows('trade', 'AAPL', 1, 3, 1), wrong])).toThrow(RangeError);
  journal.append([rows('trade', 'AAPL', 1, 3, 1), rows('trade', 'MSFT', 1, 1, 1)]);
  expect((await readAll(journal, filterOf('trade', { AAPL: 0, MSFT: 0, NEW: 0 }))).map(({ sym, seq }) => sym + seq)).toEqual([
    'AAPL1',
    'AAPL3',
    'MSFT1',
  ]);
});

test("the day's end begins a segment of the next day; without rows it only renames", async () => {
  using folder = new TestFolder();
  await using journal = await open(folder.path);
  journal.append([rows('trade', 'AAPL', 1, 1, 1)]);
  const before = journal.seek(filterOf('trade', { AAPL: 1 }));
  journal.roll('2026-11-20');
  expect(journal.bytesTo(before)).toBe(0);
  journal.roll('2026-12-31');
  journal.roll('2026-12-31');
  journal.append([rows('trade', 'AAPL', 1, 2, 1)]);
  expect(journal.bytesTo(before)).toBeGreaterThan(0);
  expect(journal.readSync(filterOf('trade', { AAPL: 1 }), before).records).toHaveLength(1);
  expect(readdirSync(folder.path).sort()).toEqual([
    '00000001-2026-11-20.journal',
    '00000001.index',
    '00000002-2027-01-01.journal',
    'journal.lock',
  ]);
  expect(() => journal.roll('tomorrow')).toThrow(JournalError);
});

test('after it is closed it takes and gives nothing', async () => {
  using folder = new TestFolder();
  const journal = await open(folder.path);
  await Promise.all([journal[Symbol.asyncDispose](), journal[Symbol.asyncDispose]()]);
  const filter = filterOf('trade', { AAPL: 0 });
  const closed = expect.objectContaining({ name: 'JournalError', code: 'CLOSED' });
  for (const use of [() => journal.append([rows('trade', 'AAPL', 1, 1, 1)]), () => journal.seek(filter), () => journal.roll('2026-11-20')])
    expect(use).toThrow(closed);
  await expect(journal.read(filter, { segment: 1, offset: 0 }, 10)).rejects.toEqual(closed);
  await expect(journal.sync()).rejects.toEqual(closed);
});

test('rows are synced by the policy, and on request', async () => {
  using folder = new TestFolder();
  for (const fsync of ['never', 'interval', 'always', { intervalMs: 5 }] as const) {
    const clock = new TestClock();
    await using journal = await open(folder.join(JSON.stringify(fsync).replaceAll('"', '')), { fsync, clock, segmentBytes: 500 });
    for (let seq = 1; seq <= 20; seq += 1) {
      journal.append([rows('trade', 'AAPL', 1, seq, 1)]);
      clock.advance(600);
    }
    await journal.sync();
    expect(await readAll(journal, filterOf('trade', { AAPL: 0 }))).toHaveLength(20);
  }
});

test('a journal that another process has is refused, naming it, and free as soon as that one is killed', async () => {
  using folder = new TestFolder();
  await using holder = new Child('./hold-journal.ts', [folder.path]);
  await holder.said(1);
  await expect(open(folder.path)).rejects.toMatchObject({
    name: 'JournalError',
    code: 'LOCKED',
    message: expect.stringContaining(folder.path),
  });
  await holder.kill();
  await using journal = await open(folder.path);
  await expect(open(folder.path)).rejects.toMatchObject({ code: 'LOCKED' });
  expect(journal.epoch).toBe(1);
});

test('a folder that can not be made is an error that names it', async () => {
  using folder = new TestFolder();
  writeFileSync(folder.join('file'), '');
  await expect(open(folder.join('file', 'journal'))).rejects.toMatchObject({ code: 'IO', message: expect.stringContaining(folder.path) });
});

test('a file that may not grow: the append is taken back whole, and one that fits is taken after it', async () => {
  using folder = new TestFolder();
  await using child = new Child('./append-until-full.ts', [folder.path], 100);
  await child.ended();
  const [, code, appended] = /^refused (\w+) after (\d+)$/.exec(child.lines[0] ?? '') ?? [];
  expect(code).toBe('FULL');
  expect(Number(appended)).toBeGreaterThan(0);
  expect(child.lines[1]).toBe(`then ${Number(appended) + 1}`);
  await using journal = await open(folder.path);
  expect(journal.recovery.cutBytes).toBe(0);
});

test('a full disk: the append is taken back whole, and with room it is taken', async () => {
  using folder = new TestFolder();
  using disk = SmallDisk.mount(folder, 256);
  // Only root may mount one; the case above shows the same on any system.
  if (disk === undefined) return;
  const dir = `${disk.path}/journal`;
  let seq = 1;
  {
    await using journal = await open(dir);
    const append = () =>
      journal.append([rows('trade', 'AAPL', 1, seq, 1, 'x'.repeat(3000)), rows('trade', 'GOOG', 1, seq, 1, 'x'.repeat(3000))]);
    for (; seq < 10; seq += 1) append();
    disk.fill('filler');
    const full = expect.objectContaining({ name: 'JournalError', code: 'FULL' });
    expect(append).toThrow(full);
    expect(append).toThrow(full);
    expect(journal.bytesTo({ segment: 1, offset: 0 })).toBe(statSync(`${dir}/00000001-2026-11-20.journal`).size - 96);
    disk.fill('filler of the last page');
    expect(() => journal.roll('2026-11-20')).toThrow(full);
    writeFileSync(`${disk.path}/filler`, '');
    append();
    journal.roll('2026-11-20');
  }
  await using journal = await open(dir);
  expect(journal.recovery.cutBytes).toBe(0);
  expect(journal.lastSeqs.get('trade')?.get('GOOG')).toBe(seq);
  expect(await readAll(journal, filterOf('trade', { GOOG: 0 }))).toHaveLength(seq);
});
