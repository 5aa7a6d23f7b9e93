/** Symbols that rows go round: row i is of symbol i modulo their number. */
export const SYMBOLS: readonly string[] = Array.from({ length: 100 }, (_, i) => `S${String(i).padStart(2, '0')}`);

/** What every row begins its text with; the sink counts rows by it. */
const MARK = '|';
const ROW_BYTES = 100;
const TIME = '2026-11-20T14:30:00.000Z';
/** Of the clock that all processes of a machine share, in nanoseconds. */
const STAMP_DIGITS = 19;

/** The columns of a row. */
export const COLUMNS = { time: 'timestamp', sym: 'symbol', price: 'float', size: 'long', text: 'string' } as const;

type BenchRow = readonly [time: string, sym: string, price: number, size: number, text: string];

const BARE: BenchRow = [TIME, 'S00', 39.81, 100, `${MARK}${'0'.repeat(STAMP_DIGITS)}`];
const FILL = 'x'.repeat(ROW_BYTES - JSON.stringify(BARE).length);

/** A row of 100 bytes of JSON; with `stamped`, the time of now stands after its mark. */
export function makeRow(sym: string, stamped: boolean): BenchRow {
  const stamp = stamped ? String(process.hrtime.bigint()).padStart(STAMP_DIGITS, '0') : '0'.repeat(STAMP_DIGITS);
  return [TIME, sym, 39.81, 100, `${MARK}${stamp}${FILL}`];
}

/** The row of the first symbol as text: what a peer sends, and what the native programs make theirs of. */
export const ROW_TEXT: string = JSON.stringify(makeRow('S00', false));

/** Rows of a turn that begins with row `first`, of the first so many symbols; those that need no time are made once. */
export function rowsOfTurn(first: number, count: number, stamped: boolean, symbols: number = SYMBOLS.length): BenchRow[] {
  const rows = new Array<BenchRow>(count);
  for (let i = 0; i < count; i += 1) {
    const index = (first + i) % symbols;
    rows[i] = stamped ? makeRow(SYMBOLS[index] as string, true) : (UNSTAMPED[index] as BenchRow);
  }
  return rows;
}

const UNSTAMPED = SYMBOLS.map((sym) => makeRow(sym, false));
