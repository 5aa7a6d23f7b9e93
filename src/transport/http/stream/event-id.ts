import type { ResumePosition } from '../../../core/tickerplant/messages.ts';

/** Where a stream is: table → last number of each symbol, within one epoch. */
export type Positions = Readonly<Record<string, ResumePosition>>;

/** The longest id that says everything by itself; it comes back in a header, and stands on every row. */
export const LONGEST_ID = 1_024;

/** Names that stand for themselves. */
const PLAIN = /^[\w.-]+$/;
const TABLE = String.raw`[^;=/~]+(?:;[^;=/~]+=\d{1,15})*`;
const FORM = new RegExp(String.raw`^\d{1,15};${TABLE}(?:/${TABLE})*$`);

/** What an event's id can be: one that says everything by itself, or a short one (see `KeptPositions`). */
export const EVENT_ID: RegExp = new RegExp(String.raw`^(?:\d{1,15};${TABLE}(?:/${TABLE})*|~[A-Za-z0-9_-]{16}\.\d{1,15})$`);

/**
 * A place in a stream, which never changes. Its id, `1;trade;AAPL=16;GOOG=3/quote;AAPL=7`, is epoch 1, then each table with its symbols'
 * last numbers. It says everything by itself, so that it is good on any connection, after a restart of the server too, and nothing has
 * to be kept for it. Names stand in one order, so that streams that are equally far have the same.
 */
export class StreamPosition {
  readonly #epoch: number;
  /** Table → `;AAPL=16;GOOG=3`, by tables' names. */
  readonly #tables: ReadonlyMap<string, string>;
  #text: string | undefined;

  private constructor(epoch: number, tables: ReadonlyMap<string, string>) {
    this.#epoch = epoch;
    this.#tables = tables;
  }

  /** After these; what is of another epoch says nothing of this one. */
  static after(epoch: number, after: Positions): StreamPosition {
    let position = new StreamPosition(epoch, new Map());
    for (const [table, { epoch: known, seqs }] of Object.entries(after)) {
      if (known === epoch) for (const [sym, seq] of Object.entries(seqs)) position = position.moved(table, sym, seq);
    }
    return position;
  }

  /** The place after a symbol's number. */
  moved(table: string, sym: string, seq: number): StreamPosition {
    const name = encoded(table);
    const symbols = this.#tables.get(name);
    const tables = new Map(this.#tables);
    tables.set(name, withNumber(symbols ?? '', encoded(sym), seq));
    return new StreamPosition(this.#epoch, symbols === undefined && tables.size > 1 ? sortedByName(tables) : tables);
  }

  /** Undefined where it says nothing yet, or would be too long (see {@link LONGEST_ID}). */
  get id(): string | undefined {
    this.#text ??= this.#write();
    return this.#tables.size === 0 || this.#text.length > LONGEST_ID ? undefined : this.#text;
  }

  /** What an id of any length would say, to be kept. */
  positions(): Positions {
    this.#text ??= this.#write();
    return this.#tables.size === 0 ? {} : parse(this.#text);
  }

  #write(): string {
    let text = String(this.#epoch);
    let separator = ';';
    for (const [table, symbols] of this.#tables) {
      text += separator + table + symbols;
      separator = '/';
    }
    return text;
  }
}

/** `;AAPL=16;GOOG=3` with the number of a symbol changed, or put where it belongs. */
function withNumber(symbols: string, sym: string, seq: number): string {
  const name = `;${sym}=`;
  const start = symbols.indexOf(name);
  if (start === -1) return [...symbols.split(';').slice(1), `${sym}=${seq}`].sort().reduce((text, piece) => `${text};${piece}`, '');
  const end = symbols.indexOf(';', start + name.length);
  return symbols.slice(0, start) + name + seq + (end === -1 ? '' : symbols.slice(end));
}

function sortedByName(tables: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...tables].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A half of a surrogate pair, which no URI can hold, is written as the journal writes it. A tilde begins the other form of an id. */
function encoded(name: string): string {
  if (PLAIN.test(name)) return name;
  return encodeURIComponent(name.toWellFormed()).replaceAll('~', '%7E');
}

/** Reads {@link StreamPosition.id}; undefined where it is none. */
export function readEventId(text: string): Positions | undefined {
  return text.length > LONGEST_ID || !FORM.test(text) ? undefined : parse(text);
}

/** A percent sign that encodes nothing stands for itself: there is no such name. */
function nameOf(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function parse(text: string): Positions {
  const semicolon = text.indexOf(';');
  const epoch = Number(text.slice(0, semicolon));
  const after: Record<string, ResumePosition> = Object.create(null);
  for (const part of text.slice(semicolon + 1).split('/')) {
    const [table = '', ...pieces] = part.split(';');
    const seqs: Record<string, number> = Object.create(null);
    for (const piece of pieces) {
      const [sym = '', seq] = piece.split('=');
      seqs[nameOf(sym)] = Number(seq);
    }
    after[nameOf(table)] = { epoch, seqs };
  }
  return after;
}
