// Before all that imports node:fs.

import { mkdirSync, readdirSync, truncateSync, unlinkSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Journal } from '../../../src/core/ports/journal.ts';
import type { PublishedRows } from '../../../src/core/tickerplant/published-rows.ts';
import { forEachGoodRecord } from '../../../src/storage/journal/offline/good-records.ts';
import { recordCount, recordJson, recordSeq, recordSym, recordTable } from '../../../src/storage/journal/record.ts';
import { readSegments } from '../../../src/storage/journal/segment.ts';
import { SEGMENT_HEADER_BYTES } from '../../../src/storage/journal/segment-header.ts';
import { LossyDisk, type PowerCut } from '../../support/lossy-disk.ts';
import { TestFolder } from './support/folders.ts';
import { filterOf, open, plain, readAll, rows } from './support/journal.ts';

const SYMS = ['A', 'B', 'C'];

const record = fc.record({
  sym: fc.constantFrom(...SYMS),
  count: fc.integer({ min: 1, max: 3 }),
  filler: fc.integer({ min: 0, max: 900 }),
});
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('append' as const), records: fc.array(record, { minLength: 1, maxLength: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('sync' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('roll' as const), day: fc.integer({ min: 20, max: 27 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('cut' as const), how: fc.constantFrom<PowerCut>('lose', 'tear'), seed: fc.integer() }),
  },
);

function chanceOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 8) / 2 ** 24;
  };
}

const keyOf = (record: Pick<PublishedRows, 'table' | 'sym' | 'epoch' | 'seq'>): string =>
  `${record.table}/${record.sym}/${record.epoch}/${record.seq}`;

/** Every record in the files of a folder that checks, by its number. */
function onDisk(dir: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { path, epoch } of readSegments(dir).segments) {
    forEachGoodRecord(path, SEGMENT_HEADER_BYTES, (buffer, at) => {
      const [table, sym, seq, count] = [recordTable(buffer, at), recordSym(buffer, at), recordSeq(buffer, at), recordCount(buffer, at)];
      found.set(keyOf({ table, sym, epoch, seq }), `${count} ${Buffer.from(recordJson(buffer, at)).toString()}`);
      return true;
    });
  }
  return found;
}

interface MachineOptions {
  readonly segmentBytes: number;
  readonly fsync: 'always' | 'never';
}

/** A journal on a disk whose power goes again and again, and what is known of it from outside. */
class Machine implements AsyncDisposable {
  readonly #folder: TestFolder;
  readonly #options: MachineOptions;
  /** All that was ever published, by number. */
  readonly #published = new Map<string, string>();
  /** What the disk has taken. */
  readonly #synced = new Map<string, string>();
  #unsynced: PublishedRows[] = [];
  #boots = 1;
  #made = 0;
  #disk: LossyDisk;
  #journal: Journal;
  #next = new Map<string, number>();

  private constructor(options: MachineOptions, folder: TestFolder, disk: LossyDisk, journal: Journal) {
    this.#options = options;
    this.#folder = folder;
    this.#disk = disk;
    this.#journal = journal;
  }

  static async start(options: MachineOptions): Promise<Machine> {
    const folder = new TestFolder();
    const dir = folder.join('boot 1');
    mkdirSync(dir);
    const disk = new LossyDisk(dir);
    return new Machine(options, folder, disk, await open(dir, { ...options, bootId: 'boot 1' }));
  }

  append(wanted: readonly { readonly sym: string; readonly count: number; readonly filler: number }[]): void {
    const batch = wanted.map(({ sym, count, filler }) => {
      const seq = this.#next.get(sym) ?? 1;
      this.#next.set(sym, seq + count);
      this.#made += 1;
      return rows('trade', sym, this.#journal.epoch, seq, count, `${this.#made} ${'x'.repeat(filler)}`);
    });
    this.#journal.append(batch);
    for (const each of batch) {
      const content = `${each.count} ${Buffer.from(each.json).toString()}`;
      expect(this.#published.get(keyOf(each)) ?? content, 'a number was given to two rows').toBe(content);
      this.#published.set(keyOf(each), content);
    }
    this.#unsynced.push(...batch);
    if (this.#options.fsync === 'always') this.#allSynced();
  }

  async sync(): Promise<void> {
    await this.#journal.sync();
    this.#allSynced();
  }

  roll(day: number): void {
    this.#journal.roll(`2026-11-${day}`);
  }

  async cutPower(how: PowerCut, seed: number): Promise<void> {
    this.#boots += 1;
    const dir = this.#folder.join(`boot ${this.#boots}`);
    const { epoch } = this.#journal;
    this.#disk.cutPower(dir, how, chanceOf(seed));
    this.#disk[Symbol.dispose]();
    await this.#journal[Symbol.asyncDispose]();
    this.#disk = new LossyDisk(dir);
    this.#journal = await open(dir, { ...this.#options, bootId: `boot ${this.#boots}` });
    expect(this.#journal.epoch).toBeGreaterThan(epoch);
    expect(this.#journal.recovery.continued).toBe(false);
    expect(this.#journal.lastSeqs.size).toBe(0);
    this.#next = new Map();
    this.#unsynced = [];
    this.check();
  }

  /** All that was synced is there as it was, and nothing is there that was not published. */
  check(): void {
    const there = onDisk(this.#disk.dir);
    for (const [key, content] of this.#synced) expect(there.get(key), key).toBe(content);
    for (const [key, content] of there) expect(this.#published.get(key), key).toBe(content);
  }

  /** What this boot has published is read as it was. */
  async checkReading(): Promise<void> {
    const expected = this.#unsyncedAndSynced();
    const read = await readAll(this.#journal, filterOf('trade', Object.fromEntries(SYMS.map((sym) => [sym, 0]))));
    expect(new Set(read.map((each) => `${keyOf(each)} ${plain(each)[5]}`))).toEqual(expected);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#journal[Symbol.asyncDispose]();
    this.#disk[Symbol.dispose]();
    this.#folder[Symbol.dispose]();
  }

  #unsyncedAndSynced(): ReadonlySet<string> {
    const { epoch } = this.#journal;
    const mine = [...this.#published].filter(([key]) => key.split('/')[2] === String(epoch));
    return new Set(mine.map(([key, content]) => `${key} ${content.slice(content.indexOf(' ') + 1)}`));
  }

  #allSynced(): void {
    for (const each of this.#unsynced) this.#synced.set(keyOf(each), `${each.count} ${Buffer.from(each.json).toString()}`);
    this.#unsynced = [];
  }
}

test.each(['never', 'always'] as const)(
  'after power cuts at any moment nothing that was synced is missing, the epoch is raised, and no number is given to two rows (fsync: %s)',
  { timeout: 120_000 },
  async (fsync) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.integer({ min: 300, max: 6_000 }),
        fc.integer(),
        async (steps, segmentBytes, seed) => {
          await using machine = await Machine.start({ segmentBytes, fsync });
          for (const action of steps) {
            if (action.do === 'append') machine.append(action.records);
            else if (action.do === 'sync') await machine.sync();
            else if (action.do === 'roll') machine.roll(action.day);
            else await machine.cutPower(action.how, action.seed);
          }
          await machine.checkReading();
          await machine.cutPower(seed % 2 === 0 ? 'lose' : 'tear', seed);
        },
      ),
      { numRuns: 40 },
    );
  },
);

test('damage from before the machine was started anew is left as it is, and numbering begins after it', async () => {
  using folder = new TestFolder();
  const dir = folder.join('journal');
  await using before = await open(dir, { bootId: 'boot 1', segmentBytes: 300 });
  for (let seq = 1; seq <= 6; seq += 1) before.append([rows('trade', 'A', 1, seq, 1, 'x'.repeat(200))]);
  await before[Symbol.asyncDispose]();
  const [first = ''] = readdirSync(dir).filter((name) => name.endsWith('.journal'));
  truncateSync(`${dir}/${first}`, 200);
  for (const name of readdirSync(dir)) if (name.endsWith('.index')) unlinkSync(`${dir}/${name}`);
  await expect(open(dir, { bootId: 'boot 1' })).rejects.toMatchObject({ code: 'CORRUPT' });
  await using after = await open(dir, { bootId: 'boot 2' });
  expect(after.epoch).toBe(2);
  expect(onDisk(dir).size).toBe(5);
});

test('a disk that loses writes does lose them: what was not synced is gone', async () => {
  using folder = new TestFolder();
  mkdirSync(folder.join('before'));
  using disk = new LossyDisk(folder.join('before'));
  await using journal = await open(disk.dir);
  journal.append([rows('trade', 'A', 1, 1, 1)]);
  await journal.sync();
  journal.append([rows('trade', 'A', 1, 2, 1)]);
  disk.cutPower(folder.join('after'), 'lose', () => 0);
  expect([...onDisk(folder.join('after')).keys()]).toEqual(['trade/A/1/1']);
});
