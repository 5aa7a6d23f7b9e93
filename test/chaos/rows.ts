import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import type { Findings } from './facts.ts';

/** A row as `tickerplant sub --format ndjson` writes it. */
export interface WrittenRow {
  readonly sym: string;
  readonly epoch: number;
  readonly seq: number;
  /** The whole line. */
  readonly line: string;
}

/** What a buyer's process wrote over all its starts. */
export interface Written {
  readonly rows: readonly WrittenRow[];
  /** Lines that are no rows: torn, or glued together. */
  readonly broken: readonly string[];
}

/** Numbers that the subscriber was told will not come, and why. */
export interface AnnouncedGap {
  readonly sym: string;
  readonly epoch: number;
  readonly from: number;
  readonly to: number | undefined;
  readonly reason: string;
}

/** What should stand there. */
export interface ExpectedRows {
  /** The first number that was paid for, per symbol. */
  readonly first: ReadonlyMap<string, number>;
  /** The last number that must have arrived, per symbol. */
  readonly mark: ReadonlyMap<string, number>;
  /** Gaps that have a reason which the run itself brought about. */
  readonly explained: readonly AnnouncedGap[];
}

const TAIL_BYTES = 4 * 1024;

/**
 * Reads the files in the order of the starts. The end of the last one may be torn where the process was killed and not started
 * again: only a further run could have finished it.
 */
export function readWritten(files: readonly string[], killed: boolean): Written {
  const rows: WrittenRow[] = [];
  const broken: string[] = [];
  for (const [index, file] of files.entries()) {
    const lines = textOf(file).split('\n');
    const rest = lines.pop() ?? '';
    for (const line of lines) {
      const row = toRow(line);
      if (row === undefined) broken.push(line);
      else rows.push(row);
    }
    if (rest !== '' && !(killed && index === files.length - 1)) broken.push(rest);
  }
  return { rows, broken };
}

/** The last number of each symbol at the end of a file; quick, and blind for what came long before. */
export function lastNumbers(file: string): ReadonlyMap<string, number> {
  const last = new Map<string, number>();
  for (const line of tailOf(file).split('\n').slice(0, -1)) {
    const row = toRow(line);
    if (row !== undefined) last.set(row.sym, Math.max(row.seq, last.get(row.sym) ?? 0));
  }
  return last;
}

/** Holds what was written against what should be there. */
export function checkRows({ rows, broken }: Written, expected: ExpectedRows): Findings {
  const words = broken.slice(0, 3).map((line) => `not a row: ${line.slice(0, 120)}`);
  let lost = broken.length;
  let repeated = 0;
  let unpaid = 0;
  const bySymbol = Map.groupBy(rows, ({ sym }) => sym);
  for (const sym of new Set([...bySymbol.keys(), ...expected.mark.keys()])) {
    const of = bySymbol.get(sym) ?? [];
    const first = expected.first.get(sym);
    if (first === undefined) {
      unpaid += of.length;
      words.push(`${sym}: ${of.length} rows of a symbol that was not paid for`);
      continue;
    }
    const early = of.filter(({ seq }) => seq < first).length;
    if (early > 0) words.push(`${sym}: ${early} rows before ${first}, where the grant begins`);
    unpaid += early;
    const epochs = new Set(of.map(({ epoch }) => epoch)).size;
    if (epochs > 1) words.push(`${sym}: rows of ${epochs} epochs, though the machine was not started anew`);
    lost += Math.max(0, epochs - 1);
    const told = expected.explained.filter((gap) => gap.sym === sym);
    const counted = countNumbers(of, first, expected.mark.get(sym) ?? 0, told);
    lost += counted.lost;
    repeated += counted.repeated;
    words.push(...counted.words.map((text) => `${sym}: ${text}`));
  }
  return { tally: { rowsDelivered: rows.length, rowsLost: lost, rowsRepeated: repeated, activatedNotPaid: unpaid > 0 ? 1 : 0 }, words };
}

function countNumbers(rows: readonly WrittenRow[], first: number, mark: number, explained: readonly AnnouncedGap[]) {
  const words: string[] = [];
  const seen = new Set<number>();
  let repeated = 0;
  let before = first - 1;
  for (const { seq } of rows) {
    if (seen.has(seq) || seq < before) {
      repeated += 1;
      if (repeated <= 3) words.push(seen.has(seq) ? `${seq} is there again after ${before}` : `${seq} comes after ${before}`);
    }
    seen.add(seq);
    before = Math.max(before, seq);
  }
  let lost = 0;
  let holeFrom: number | undefined;
  const last = Math.max(before, mark);
  for (let seq = first; seq <= last + 1; seq += 1) {
    const missing =
      seq <= last && !seen.has(seq) && !explained.some(({ from, to }) => seq >= from && seq <= (to ?? Number.POSITIVE_INFINITY));
    if (missing) {
      lost += 1;
      holeFrom ??= seq;
    } else if (holeFrom !== undefined) {
      words.push(`${holeFrom} to ${seq - 1} are missing (it has ${first} to ${before})`);
      holeFrom = undefined;
    }
  }
  return { lost, repeated, words };
}

function toRow(line: string): WrittenRow | undefined {
  try {
    const { sym, epoch, seq } = JSON.parse(line) as Partial<WrittenRow>;
    if (typeof sym !== 'string' || !Number.isSafeInteger(epoch) || !Number.isSafeInteger(seq)) return undefined;
    return { sym, epoch: epoch as number, seq: seq as number, line };
  } catch {
    return undefined;
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function tailOf(file: string): string {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch {
    return '';
  }
  try {
    const { size } = fstatSync(fd);
    const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
    const read = readSync(fd, bytes, 0, bytes.length, size - bytes.length);
    const text = bytes.toString('utf8', 0, read);
    // What stands before the first line end may be half a line.
    return size > bytes.length ? text.slice(text.indexOf('\n') + 1) : text;
  } finally {
    closeSync(fd);
  }
}
