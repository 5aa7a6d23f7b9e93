import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cutJournal, planCut } from '../../../src/storage/journal/offline/cut-journal.ts';
import { type RecordSelection, readRecords } from '../../../src/storage/journal/offline/read-records.ts';
import { verifyJournal } from '../../../src/storage/journal/offline/verify-journal.ts';
import { Child } from './support/child.ts';
import { TestFolder } from './support/folders.ts';
import { filterOf, open, readAll, rows } from './support/journal.ts';

/** Two epochs, several segments each, a quiet symbol in the first only, and an index that is no longer needed. */
const template = new TestFolder();
beforeAll(async () => {
  for (const bootId of ['boot one', 'boot two']) {
    await using journal = await open(template.path, { segmentBytes: 2000, bootId });
    const { epoch } = journal;
    journal.append([rows('trade', 'QUIET', epoch, 1, 3)]);
    for (let seq = 1; seq <= 60; seq += 2) journal.append([rows('trade', 'AAPL', epoch, seq, 2), rows('quote', 'GOOG', epoch, seq, 2)]);
  }
});
afterAll(() => template[Symbol.dispose]());

function copyOf(folder: TestFolder, name = 'copy'): string {
  const dir = folder.join(name);
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir);
  for (const file of readdirSync(template.path)) if (/^\d/.test(file)) cpSync(template.join(file), join(dir, file));
  return dir;
}

const segmentsIn = (dir: string): string[] =>
  readdirSync(dir)
    .filter((name) => name.endsWith('.journal'))
    .sort();

async function seqsIn(dir: string, selection: RecordSelection = {}): Promise<string[]> {
  const found: string[] = [];
  for await (const { records } of readRecords(dir, selection))
    for (const { sym, epoch, seq, count } of records) found.push(`${epoch} ${sym} ${seq}+${count}`);
  return found;
}

test('a journal is clean, and verifying it leaves nothing behind', () => {
  using folder = new TestFolder();
  const dir = copyOf(folder);
  const before = readdirSync(dir);
  expect(verifyJournal(dir)).toMatchObject({ clean: true, faults: [], notes: [], epochs: [1, 2], rows: 246, running: false });
  expect(readdirSync(dir)).toEqual(before);
});

test('a flipped bit anywhere, in a segment or an index, is found in that file', () => {
  using folder = new TestFolder();
  const dir = copyOf(folder);
  const files = readdirSync(dir).sort();
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: files.length - 1 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.integer({ min: 0, max: 7 }),
      (i, where, bit) => {
        const path = join(dir, files[i] as string);
        const good = readFileSync(path);
        const at = Math.floor(where * good.length);
        const bad = Buffer.from(good);
        bad.writeUInt8(bad.readUInt8(at) ^ (1 << bit), at);
        writeFileSync(path, bad);
        try {
          const { clean, faults } = verifyJournal(dir);
          expect(clean, `${path} ${at}`).toBe(false);
          expect(faults[0]?.file).toBe(path);
          expect(faults[0]?.at).toBeLessThanOrEqual(at);
        } finally {
          writeFileSync(path, good);
        }
      },
    ),
    { numRuns: 400 },
  );
  const last = join(dir, segmentsIn(dir).at(-1) as string);
  const good = readFileSync(last);
  for (let at = good.length - 400; at < good.length; at += 1) {
    const bad = Buffer.from(good);
    bad.writeUInt8(bad.readUInt8(at) ^ (1 << (at % 8)), at);
    writeFileSync(last, bad);
    expect(verifyJournal(dir).clean, `byte ${at}`).toBe(false);
  }
}, 60_000);

test('a segment that is missing, and an end that a killed process left', () => {
  using folder = new TestFolder();
  const dir = copyOf(folder);
  const [, second = '', third = ''] = segmentsIn(dir);
  unlinkSync(join(dir, second));
  expect(verifyJournal(dir).faults).toMatchObject([{ file: join(dir, third), message: expect.stringContaining('segment 2') }]);

  const torn = copyOf(folder, 'torn');
  const last = join(torn, segmentsIn(torn).at(-1) as string);
  const bytes = readFileSync(last);
  writeFileSync(last, bytes.subarray(0, bytes.length - 10));
  expect(verifyJournal(torn)).toMatchObject({ clean: true, notes: [expect.stringContaining('within a record')] });
});

test('old segments that retention has removed are no fault', () => {
  using folder = new TestFolder();
  const dir = copyOf(folder);
  for (const name of segmentsIn(dir).slice(0, 3)) unlinkSync(join(dir, name));
  expect(verifyJournal(dir)).toMatchObject({ clean: true, faults: [] });
});

test('while a server writes, it is clean at any moment', async () => {
  using folder = new TestFolder();
  await using child = new Child('./append-forever.ts', [folder.path, '20']);
  await child.said(50);
  let rowsBefore = 0;
  for (let i = 0; i < 6; i += 1) {
    const report = verifyJournal(folder.path);
    expect(report).toMatchObject({ clean: true, running: true });
    expect(report.rows).toBeGreaterThanOrEqual(rowsBefore);
    rowsBefore = report.rows;
    let count = 0;
    for await (const { records } of readRecords(folder.path)) count += records.length;
    expect(count).toBeGreaterThan(0);
    await child.said(child.lines.length + 1);
  }
}, 60_000);

test('records are read in the order of publishing, by table, symbols, numbers and epoch', async () => {
  const newest = await seqsIn(template.path);
  expect(newest).toHaveLength(61);
  expect(newest.slice(0, 3)).toEqual(['2 QUIET 1+3', '2 AAPL 1+2', '2 GOOG 1+2']);
  expect(await seqsIn(template.path, { epoch: 'all' })).toHaveLength(122);
  expect(await seqsIn(template.path, { epoch: 1, table: 'quote', fromSeq: 4, toSeq: 7 })).toEqual([
    '1 GOOG 3+2',
    '1 GOOG 5+2',
    '1 GOOG 7+2',
  ]);
  expect(await seqsIn(template.path, { syms: new Set(['QUIET']) })).toEqual(['2 QUIET 1+3']);
  expect(await seqsIn(template.path, { until: Date.parse('2026-11-20T12:00:00Z') })).toEqual([]);
  expect(await seqsIn(template.path, { from: Date.parse('2026-11-20T12:00:00.001Z') })).toEqual([]);
});

test('reading stops at damage, and says where', async () => {
  using folder = new TestFolder();
  const dir = copyOf(folder);
  const path = join(dir, segmentsIn(dir).at(-2) as string);
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(300) ^ 1, 300);
  writeFileSync(path, bytes);
  await expect(seqsIn(dir)).rejects.toMatchObject({ code: 'CORRUPT', message: expect.stringContaining(path) });
});

test('a cut at damage says what is lost, keeps it aside, and no number comes again', async () => {
  using folder = new TestFolder();
  const dir = copyOf(folder);
  const names = segmentsIn(dir);
  const path = join(dir, names.at(-3) as string);
  const good = readFileSync(path);
  const bad = Buffer.from(good);
  bad.writeUInt8(bad.readUInt8(700) ^ 1, 700);
  writeFileSync(path, bad);
  const plan = planCut(dir);
  expect(plan).toMatchObject({ place: { file: names.at(-3) }, epoch: 2, files: names.slice(-2) });
  if (plan === undefined) return;
  const before = names.map((name) => readFileSync(join(dir, name)));
  expect(readdirSync(dir).filter((name) => name.startsWith('cut-'))).toEqual([]);
  // One record is broken: its rows are not among those that can be read.
  const kept = cutJournal(plan, Date.parse('2026-11-21T00:00:00Z'));
  expect(readdirSync(kept).sort()).toEqual(names.slice(-3));
  for (const [i, name] of names.slice(-3).entries()) expect(readFileSync(join(kept, name)).equals(before.at(i - 3) as Buffer)).toBe(true);
  expect(verifyJournal(dir)).toMatchObject({ clean: true, epochs: [1, 2, 3] });
  const left = await seqsIn(dir, { epoch: 2 });
  const lost = plan.lost.reduce((sum, row) => sum + row.rows, 0);
  expect(left.reduce((sum, text) => sum + Number(text.split('+')[1]), 0) + lost + 2).toBe(123);
  expect(planCut(dir)).toBeUndefined();
  await using journal = await open(dir);
  expect(journal.epoch).toBeGreaterThanOrEqual(3);
  expect(await readAll(journal, filterOf('trade', { AAPL: 0 }))).toEqual([]);
});

test('a cut at a place takes whole records, and one of an earlier epoch leaves the newest alone', async () => {
  using folder = new TestFolder();
  const dir = copyOf(folder);
  const [first = ''] = segmentsIn(dir);
  const plan = planCut(dir, { file: first, at: 500 });
  expect(plan?.epoch).toBe(1);
  expect(plan?.place.at).toBeLessThan(500);
  if (plan !== undefined) cutJournal(plan, 0);
  expect(verifyJournal(dir)).toMatchObject({ clean: true, epochs: [1, 2] });
  expect(await seqsIn(dir)).toHaveLength(61);
  expect((await seqsIn(dir, { epoch: 1 })).length).toBeLessThan(10);
});

test('a segment whose header is broken is cut as a whole', () => {
  using folder = new TestFolder();
  const dir = copyOf(folder);
  const second = segmentsIn(dir)[1] as string;
  const bytes = readFileSync(join(dir, second));
  bytes.writeUInt8(1, 3);
  writeFileSync(join(dir, second), bytes);
  const plan = planCut(dir);
  expect(plan).toMatchObject({ place: { file: second, at: 0 }, epoch: 1 });
  if (plan !== undefined) cutJournal(plan, 0);
  expect(verifyJournal(dir).faults).toEqual([]);
});

test('a journal that a server has open is not cut', async () => {
  using folder = new TestFolder();
  const dir = copyOf(folder);
  const plan = planCut(dir, { file: segmentsIn(dir)[0] as string, at: 0 });
  await using _ = await open(dir);
  expect(() => plan && cutJournal(plan, 0)).toThrow(expect.objectContaining({ code: 'LOCKED' }));
});
