import type { ResumePosition } from '../../../core/tickerplant/messages.ts';

/** Where a stream is: table → last number of each symbol, within one epoch. */
export type Positions = Readonly<Record<string, ResumePosition>>;

/** The longest id that says everything by itself; it comes back in a header, and stands on every row. */
export const LONGEST_ID = 1_024;

const TABLE = String.raw`[^;=/~]+(?:;[^;=/~]+=\d{1,15})*`;
const FORM = new RegExp(String.raw`^\d{1,15};${TABLE}(?:/${TABLE})*$`);

/** What an event's id can be: one that says everything by itself, or a short one (see `KeptPositions`). */
export const EVENT_ID: RegExp = new RegExp(String.raw`^(?:\d{1,15};${TABLE}(?:/${TABLE})*|~[A-Za-z0-9_-]{16}\.\d{1,15})$`);

/**
 * Writes an event's id: `1;trade;AAPL=16;GOOG=3/quote;AAPL=7` is epoch 1, then each table with its symbols' last numbers. It says
 * everything by itself, so that it is good on any connection, after a restart of the server too, and nothing has to be kept for it.
 */
export class EventIdWriter {
  readonly #epoch: number;
  readonly #tables = new Map<string, Map<string, string>>();
  #length = 0;

  constructor(epoch: number, after: Positions) {
    this.#epoch = epoch;
    for (const [table, position] of Object.entries(after)) {
      if (position.epoch === epoch) for (const [sym, seq] of Object.entries(position.seqs)) this.note(table, sym, seq);
    }
  }

  /** A symbol's last number is this one now. */
  note(table: string, sym: string, seq: number): void {
    let symbols = this.#tables.get(table);
    if (symbols === undefined) {
      symbols = new Map();
      this.#tables.set(table, symbols);
      this.#length += encoded(table).length + 1;
    }
    const piece = `;${encoded(sym)}=${seq}`;
    this.#length += piece.length - (symbols.get(sym)?.length ?? 0);
    symbols.set(sym, piece);
  }

  /** Undefined while it would be too long (see {@link LONGEST_ID}). */
  id(): string | undefined {
    return this.#length + 16 > LONGEST_ID || this.#tables.size === 0 ? undefined : this.#text();
  }

  /** The same, of any length, to be kept. */
  positions(): Positions {
    return this.#tables.size === 0 ? {} : parse(this.#text());
  }

  #text(): string {
    let id = String(this.#epoch);
    let separator = ';';
    for (const [table, symbols] of this.#tables) {
      id += separator + encoded(table);
      for (const piece of symbols.values()) id += piece;
      separator = '/';
    }
    return id;
  }
}

/** A half of a surrogate pair, which no URI can hold, is written as the journal writes it. A tilde begins the other form of an id. */
function encoded(name: string): string {
  return encodeURIComponent(name.toWellFormed()).replaceAll('~', '%7E');
}

/** Reads {@link EventIdWriter.id}; undefined where it is none. */
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
