import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/app/system.ts';
import type { Journal } from '../../src/core/ports/journal.ts';
import { silentLogger } from '../../src/core/ports/logger.ts';
import { PublishedRows } from '../../src/core/tickerplant/published-rows.ts';
import { openJournal } from '../../src/storage/journal/open-journal.ts';
import { type Bench, interleaved, median } from '../bench.ts';

const TABLE = 'trade';
const SYMS: readonly string[] = Array.from({ length: 100 }, (_, i) => `SYM${String(i).padStart(2, '0')}`);
/** Records of one append: what a feed brings in one turn. */
const RECORDS_PER_APPEND = 10;
/** As the tickerplant reads for a buyer who resumes. */
const READ_BYTES = 256 * 1024;
const SEED = 20261120;

/** Appends and replays a day of trades; against copying a file of the same bytes in pieces of the same size. */
export const bench: Bench = {
  about: 'appends and replays records of 1 to 10 rows of about 60 bytes of JSON, 100 symbols; against a plain file of the same bytes',
  async run({ quick, note }) {
    const rounds = quick ? 3 : 7;
    const appends = makeAppends(quick ? 200_000 : 2_000_000);
    const records = appends.reduce((sum, list) => sum + list.length, 0);
    const rows = appends.reduce((sum, list) => sum + list.reduce((inner, { count }) => inner + count, 0), 0);
    const jsonBytes = appends.reduce((sum, list) => sum + list.reduce((inner, { json }) => inner + json.length, 0), 0);
    note(`${rows} rows in ${records} records, ${(jsonBytes / rows).toFixed(1)} bytes of JSON a row, ${rounds} rounds`);
    const dir = mkdtempSync(join(tmpdir(), 'tickerplant-bench-'));
    const plain = join(dir, 'plain');
    const folder = (round: number) => join(dir, `journal-${round}`);
    try {
      let journal: Journal | undefined;
      const seconds = await interleaved(rounds, {
        append: async (round) => {
          journal = await openJournal({ dir: folder(round), clock: systemClock, logger: silentLogger, fsync: 'never' });
          for (const list of appends) journal.append(list);
        },
        plainAppend: () => plainAppend(plain, appends),
        replay: async () => {
          if (journal !== undefined) await replay(journal, rows);
        },
        plainCopy: async (round) => {
          plainCopy(folder(round), join(dir, 'copy'));
          await journal?.[Symbol.asyncDispose]();
          rmSync(folder(round), { recursive: true });
        },
      });
      const perSecond = (name: keyof typeof seconds) => Math.round(rows / median(seconds[name]));
      return {
        replayRowsPerSecond: perSecond('replay'),
        appendRowsPerSecond: perSecond('append'),
        plainCopyRowsPerSecond: perSecond('plainCopy'),
        plainAppendRowsPerSecond: perSecond('plainAppend'),
        replaySlowestRowsPerSecond: Math.round(rows / Math.max(...seconds.replay)),
        rows,
        records,
        bytesPerRow: Number((jsonBytes / rows).toFixed(1)),
        rounds,
        quick,
        node: process.version,
      };
    } finally {
      rmSync(dir, { recursive: true });
    }
  },
};

/** The same rows for everybody who runs it. */
function makeAppends(rowCount: number): readonly (readonly PublishedRows[])[] {
  const random = mulberry32(SEED);
  const next = new Map(SYMS.map((sym) => [sym, 1]));
  const appends: PublishedRows[][] = [];
  let time = Date.parse('2026-11-20T14:30:00Z');
  for (let made = 0; made < rowCount; ) {
    const list: PublishedRows[] = [];
    for (let i = 0; i < RECORDS_PER_APPEND; i += 1) {
      const sym = SYMS[Math.floor(random() * SYMS.length)] as string;
      const count = 1 + Math.floor(random() * 10);
      const rows = Array.from({ length: count }, () => [
        new Date(time++).toISOString(),
        sym,
        Math.round(random() * 1e6) / 100,
        100 + Math.floor(random() * 9e5),
      ]);
      const seq = next.get(sym) as number;
      next.set(sym, seq + count);
      made += count;
      list.push(new PublishedRows(TABLE, sym, 1, seq, count, Buffer.from(JSON.stringify(rows))));
    }
    appends.push(list);
  }
  return appends;
}

/** One write for each append, of its rows and nothing else. */
function plainAppend(path: string, appends: readonly (readonly PublishedRows[])[]): void {
  const fd = openSync(path, 'w');
  for (const records of appends) writeSync(fd, Buffer.concat(records.map(({ json }) => json)));
  closeSync(fd);
}

/** Everything from the first row on, as for a buyer of all symbols. */
async function replay(journal: Journal, expected: number): Promise<void> {
  const filter = { table: TABLE, after: new Map(SYMS.map((sym) => [sym, 0])) };
  let rows = 0;
  for (let position = journal.seek(filter); journal.bytesTo(position) > 0; ) {
    const chunk = await journal.read(filter, position, READ_BYTES);
    for (const record of chunk.records) rows += record.count;
    position = chunk.next;
  }
  if (rows !== expected) throw new Error(`${rows} rows were replayed, not ${expected}`);
}

function plainCopy(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  for (const name of readdirSync(from)) {
    if (!name.endsWith('.journal')) continue;
    const source = openSync(join(from, name), 'r');
    const target = openSync(join(to, name), 'w');
    for (let read = readSync(source, buffer); read > 0; read = readSync(source, buffer)) writeSync(target, buffer, 0, read);
    closeSync(source);
    closeSync(target);
  }
}

function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
