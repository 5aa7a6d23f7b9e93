import { appendFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { JournalError } from '../../../src/core/ports/journal.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { openJournal } from '../../../src/storage/journal/open-journal.ts';
import { Child } from './support/child.ts';
import { TestClock } from './support/clock.ts';
import { TestFolder } from './support/folders.ts';
import { filterOf, open, readAll, rows } from './support/journal.ts';

const DAY_MS = 86_400_000;
const segmentsIn = (dir: string): string[] =>
  readdirSync(dir)
    .filter((name) => name.endsWith('.journal'))
    .sort();

async function journalWith(dir: string, records: number, options: Parameters<typeof open>[1] = {}): Promise<void> {
  await using journal = await open(dir, options);
  for (let seq = 1; seq <= records; seq += 1) journal.append([rows('trade', 'AAPL', 1, seq, 1)]);
}

/** Where each record of a one-segment journal of one-row records begins, and at last where the file ends. */
function boundaries(bytes: Buffer): number[] {
  const at: number[] = [96];
  while ((at.at(-1) ?? 0) < bytes.length) at.push((at.at(-1) ?? 0) + bytes.readUInt32LE((at.at(-1) ?? 0) + 8));
  return at;
}

test('the epoch goes on after a restart on the same boot, and numbering with it', async () => {
  using folder = new TestFolder();
  await journalWith(folder.path, 3);
  await using journal = await open(folder.path);
  expect(journal.epoch).toBe(1);
  expect(journal.recovery).toEqual({ cutBytes: 0, continued: true });
  expect(journal.lastSeqs).toEqual(new Map([['trade', new Map([['AAPL', 3]])]]));
  journal.append([rows('trade', 'AAPL', 1, 4, 1)]);
  expect(await readAll(journal, filterOf('trade', { AAPL: 0 }))).toHaveLength(4);
});

test.each([
  ['another boot', 'boot two'],
  ['a machine that does not tell its boot', undefined],
])('the epoch is raised on %s, and old numbers are not read', async (_, bootId) => {
  using folder = new TestFolder();
  await journalWith(folder.path, 3);
  {
    await using journal = await open(folder.path, { bootId });
    expect(journal.epoch).toBe(2);
    expect(journal.recovery).toEqual({ cutBytes: 0, continued: false });
    expect(journal.lastSeqs.size).toBe(0);
    expect(await readAll(journal, filterOf('trade', { AAPL: 0 }))).toEqual([]);
    expect(await journal.last('trade', ['AAPL'])).toEqual([]);
    journal.append([rows('trade', 'AAPL', 2, 1, 1)]);
    expect((await readAll(journal, filterOf('trade', { AAPL: 0 }))).map(({ epoch, seq }) => [epoch, seq])).toEqual([[2, 1]]);
  }
  await using third = await open(folder.path, { bootId: 'boot three' });
  expect(third.epoch).toBe(3);
});

test('the boot of this machine is what goes on', async () => {
  using folder = new TestFolder();
  const options = { dir: folder.path, clock: new TestClock(), logger: silentLogger };
  await (await openJournal(options))[Symbol.asyncDispose]();
  const again = await openJournal(options);
  expect(again.recovery.continued).toBe(process.platform === 'linux');
  await again[Symbol.asyncDispose]();
});

test('cut at every byte of the tail: whole records stay, the rest is cut and counted, and appending goes on', async () => {
  using folder = new TestFolder();
  await journalWith(folder.join('whole'), 3);
  const name = segmentsIn(folder.join('whole'))[0] as string;
  const bytes = readFileSync(folder.join('whole', name));
  const ends = boundaries(bytes);
  const dir = folder.join('cut');
  for (let length = ends[1] as number; length <= bytes.length; length += 1) {
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir);
    writeFileSync(join(dir, name), bytes.subarray(0, length));
    await using journal = await open(dir);
    const kept = ends.filter((end) => end <= length).length - 1;
    expect(journal.recovery).toEqual({ cutBytes: length - (ends[kept] as number), continued: true });
    expect(journal.lastSeqs.get('trade')?.get('AAPL')).toBe(kept);
    journal.append([rows('trade', 'AAPL', 1, kept + 1, 1)]);
    expect(await readAll(journal, filterOf('trade', { AAPL: 0 }))).toHaveLength(kept + 1);
  }
}, 60_000);

test('a segment that was only being made is removed', async () => {
  using folder = new TestFolder();
  await journalWith(folder.path, 2);
  writeFileSync(folder.join('00000002-2026-11-21.journal'), 'LTPJRNL');
  await using journal = await open(folder.path);
  expect(journal.recovery).toEqual({ cutBytes: 7, continued: true });
  expect(segmentsIn(folder.path)).toHaveLength(1);
});

test('a tail that is not the beginning of a record is cut, and its numbers do not come again: the epoch is raised', async () => {
  using folder = new TestFolder();
  await journalWith(folder.path, 3);
  const path = folder.join(segmentsIn(folder.path)[0] as string);
  appendFileSync(path, Buffer.alloc(5000));
  await using journal = await open(folder.path);
  expect(journal.recovery).toEqual({ cutBytes: 5000, continued: false });
  expect(journal.epoch).toBe(2);
});

test('a flipped byte in any record but the last is damage, named with file and byte', async () => {
  using folder = new TestFolder();
  await journalWith(folder.path, 3);
  const path = folder.join(segmentsIn(folder.path)[0] as string);
  const good = readFileSync(path);
  const ends = boundaries(good);
  for (let at = 96; at < (ends[2] as number); at += 1) {
    const bad = Buffer.from(good);
    bad.writeUInt8(bad.readUInt8(at) ^ (1 << (at % 8)), at);
    writeFileSync(path, bad);
    const error: JournalError = await open(folder.path).then(
      () => expect.fail(`byte ${at} was not missed`),
      (thrown) => thrown,
    );
    expect(error).toMatchObject({ name: 'JournalError', code: 'CORRUPT' });
    expect(error.message).toContain(path);
    expect(error.message).toContain(`byte ${at < (ends[1] as number) ? 96 : ends[1]}`);
    expect(readFileSync(path).equals(bad)).toBe(true);
  }
}, 60_000);

test('a flipped byte in the last record never gives a row that was not published, nor a number twice', async () => {
  using folder = new TestFolder();
  await journalWith(folder.path, 3);
  const name = segmentsIn(folder.path)[0] as string;
  const good = readFileSync(folder.join(name));
  const ends = boundaries(good);
  for (let at = ends[2] as number; at < good.length; at += 3) {
    const dir = folder.join('flipped');
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir);
    const bad = Buffer.from(good);
    bad.writeUInt8(bad.readUInt8(at) ^ 0x10, at);
    writeFileSync(join(dir, name), bad);
    await using journal = await open(dir);
    expect(journal.recovery.cutBytes).toBe(good.length - (ends[2] as number));
    if (journal.recovery.continued) expect(journal.lastSeqs.get('trade')?.get('AAPL')).toBe(2);
    else expect(journal.epoch).toBe(2);
  }
}, 60_000);

test('a flipped byte in a header, an older segment or a strange file is an error that names it', async () => {
  using folder = new TestFolder();
  await journalWith(folder.path, 100, { segmentBytes: 3000 });
  const [first = '', second = ''] = segmentsIn(folder.path);
  const header = readFileSync(folder.join(second));
  for (const at of [0, 10, 13, 20, 40, 70, 95]) {
    const bad = Buffer.from(header);
    bad.writeUInt8(bad.readUInt8(at) ^ 1, at);
    writeFileSync(folder.join(second), bad);
    await expect(open(folder.path)).rejects.toMatchObject({ code: 'CORRUPT', message: expect.stringContaining(second) });
  }
  writeFileSync(folder.join(second), header);
  const bytes = readFileSync(folder.join(first));
  bytes.writeUInt8(bytes.readUInt8(500) ^ 1, 500);
  writeFileSync(folder.join(first), bytes);
  await using journal = await open(folder.path);
  await expect(readAll(journal, filterOf('trade', { AAPL: 0 }))).rejects.toMatchObject({
    code: 'CORRUPT',
    message: expect.stringContaining(first),
  });
  expect(() => journal.readSync(filterOf('trade', { AAPL: 0 }), { segment: 1, offset: 0 })).toThrow(
    expect.objectContaining({ code: 'CORRUPT' }),
  );
  const newest = journal.seek(filterOf('trade', { AAPL: 99 }));
  expect(journal.readSync(filterOf('trade', { AAPL: 99 }), newest).records).toHaveLength(1);
});

test('killed at any moment: what was recorded is there without a gap, and the epoch goes on', async () => {
  using folder = new TestFolder();
  let reached = 0;
  for (let round = 0; round < 4; round += 1) {
    await using child = new Child('./append-forever.ts', [folder.path, String(1 + round * 40)]);
    await child.said(20 + round * 31);
    await child.kill();
    const [epoch = '', ...lasts] = child.lines.filter((line) => /^(epoch|last) .*\d$/.test(line));
    expect(epoch).toMatch(round === 0 ? /^epoch 1 false 0$/ : /^epoch 1 true \d+$/);
    reached = Math.max(reached, ...lasts.slice(0, -1).map((line) => Number(line.slice(5))));
  }
  const journal = await openJournal({ dir: folder.path, clock: new TestClock(), logger: silentLogger });
  for (const sym of ['AAPL', 'GOOG']) {
    let next = 1;
    for (const record of await readAll(journal, filterOf('trade', { [sym]: 0 }), 50_000)) {
      expect(record.seq).toBe(next);
      expect(record.rows.map((row) => row[2])).toEqual(Array.from({ length: record.count }, (_, i) => next + i));
      next += record.count;
    }
    expect(next - 1).toBeGreaterThanOrEqual(reached);
  }
  await journal[Symbol.asyncDispose]();
}, 60_000);

test('indexes that are missing or damaged are made again, with the same answers', async () => {
  using folder = new TestFolder();
  {
    await using journal = await open(folder.path, { segmentBytes: 3000 });
    for (let seq = 1; seq <= 200; seq += 1)
      journal.append([rows('trade', 'AAPL', 1, seq, 1), ...(seq === 5 ? [rows('trade', 'QUIET', 1, 1, 3)] : [])]);
  }
  const damage: ((path: string) => void)[] = [unlinkSync, (path) => truncateSync(path, 20), (path) => writeFileSync(path, '00000000\n{}')];
  for (const [i, spoil] of damage.entries()) {
    const dir = folder.join(`copy ${i}`);
    mkdirSync(dir);
    for (const name of readdirSync(folder.path)) if (/^\d/.test(name)) cpSync(folder.join(name), join(dir, name));
    for (const name of readdirSync(dir)) if (name.endsWith('.index')) spoil(join(dir, name));
    await using journal = await open(dir, { segmentBytes: 3000 });
    expect(journal.lastSeqs.get('trade')).toEqual(
      new Map([
        ['AAPL', 200],
        ['QUIET', 3],
      ]),
    );
    expect((await readAll(journal, filterOf('trade', { AAPL: 0 }))).length).toBe(200);
    expect((await journal.last('trade', ['QUIET', 'AAPL'])).map(({ seq }) => seq)).toEqual([1, 200]);
    expect(journal.earliest('trade', 'QUIET')).toBe(1);
  }
});

test('old segments are removed as a whole; numbers go on, also of symbols that have long been quiet', async () => {
  using folder = new TestFolder();
  const clock = new TestClock();
  const options = { clock, keepDays: 3 };
  {
    await using journal = await open(folder.path, options);
    journal.append([rows('trade', 'QUIET', 1, 1, 7)]);
    for (let day = 0; day < 10; day += 1) {
      journal.append([rows('trade', 'AAPL', 1, day * 10 + 1, 10)]);
      clock.advance(DAY_MS);
      journal.roll(new Date(clock.now() - DAY_MS).toISOString().slice(0, 10));
    }
    expect(segmentsIn(folder.path).length).toBeLessThan(6);
    expect(readdirSync(folder.path).filter((name) => name.endsWith('.index')).length).toBe(segmentsIn(folder.path).length - 1);
    expect(journal.earliest('trade', 'QUIET')).toBeUndefined();
    const earliest = journal.earliest('trade', 'AAPL') ?? 0;
    expect(earliest).toBeGreaterThan(50);
    const [first] = await readAll(journal, filterOf('trade', { AAPL: 0 }));
    expect(first?.seq).toBe(earliest);
    expect(journal.readSync(filterOf('trade', { AAPL: 0 }), { segment: 1, offset: 96 }).records[0]?.seq).toBe(earliest);
    expect(await journal.last('trade', ['QUIET', 'AAPL'])).toHaveLength(1);
  }
  clock.advance(100 * DAY_MS);
  await using journal = await open(folder.path, options);
  journal.retain(() => undefined);
  expect(segmentsIn(folder.path)).toHaveLength(2);
  expect(journal.lastSeqs.get('trade')).toEqual(
    new Map([
      ['QUIET', 7],
      ['AAPL', 100],
    ]),
  );
  expect(() => journal.append([rows('trade', 'QUIET', 1, 1, 1)])).toThrow(RangeError);
  journal.append([rows('trade', 'QUIET', 1, 8, 1)]);
  expect(journal.earliest('trade', 'QUIET')).toBe(8);
});

test('what a buyer may still ask for is kept, however old or much it is, until that is over', async () => {
  using folder = new TestFolder();
  const clock = new TestClock();
  const start = clock.now();
  let needed: number | undefined = start + 4 * DAY_MS + 1;
  await using journal = await open(folder.path, { clock, keepDays: 2, keepBytes: 1000 });
  journal.retain(() => needed);
  for (let day = 0; day < 10; day += 1) {
    journal.append([rows('trade', 'AAPL', 1, day * 10 + 1, 10)]);
    clock.advance(DAY_MS);
    journal.roll(new Date(clock.now() - DAY_MS).toISOString().slice(0, 10));
  }
  // The segment with numbers 41 to 50 is the one that was written to at that time.
  expect(journal.earliest('trade', 'AAPL')).toBe(41);
  needed = undefined;
  journal.roll(new Date(clock.now()).toISOString().slice(0, 10));
  expect(segmentsIn(folder.path)).toHaveLength(2);
});

test('beyond so many bytes the oldest segments are removed', async () => {
  using folder = new TestFolder();
  await using journal = await open(folder.path, { segmentBytes: 2000, keepBytes: 9000 });
  for (let seq = 1; seq <= 400; seq += 1) journal.append([rows('trade', 'AAPL', 1, seq, 1)]);
  const bytes = segmentsIn(folder.path).reduce((sum, name) => sum + readFileSync(folder.join(name)).length, 0);
  expect(bytes).toBeLessThan(11_500);
  expect(bytes).toBeGreaterThan(6000);
  const first = journal.earliest('trade', 'AAPL') ?? 0;
  expect((await readAll(journal, filterOf('trade', { AAPL: 0 })))[0]?.seq).toBe(first);
});
