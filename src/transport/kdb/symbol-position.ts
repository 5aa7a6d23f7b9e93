/**
 * How a connection ended, or that it has not. `closed`: the other side closed it, and would have said so had it left anything
 * unread. `broken`: by an error, by us, or not at all yet while somebody goes on elsewhere.
 */
export type Ending = 'closed' | 'broken';

/**
 * That the machine has taken bytes does not say that the client has. After an orderly close it has all but what was
 * on its way at that moment; where a network was cut, the machine goes on taking for as long as it tries again (tcp(7),
 * tcp_retries2: a quarter of an hour).
 */
const DOUBT_MS: Readonly<Record<Ending, number>> = { closed: 5_000, broken: 16 * 60_000 };

/** A number that the machine had taken at a time. */
interface Taken {
  readonly seq: number;
  readonly at: number;
}

/** Where a symbol is on one connection. */
export class SymbolPosition {
  readonly table: string;
  readonly sym: string;
  readonly epoch: number;
  /** The last number that was handed to the connection; 0 before the first. */
  pushed = 0;
  /** Some of it waits to be written; the outbox's own note. */
  isQueued = false;
  readonly #certain: Readonly<Record<Ending, LongAgo>> = { closed: new LongAgo(DOUBT_MS.closed), broken: new LongAgo(DOUBT_MS.broken) };

  constructor(table: string, sym: string, epoch: number) {
    this.table = table;
    this.sym = sym;
    this.epoch = epoch;
  }

  /** The machine has taken everything up to a number. */
  drained(seq: number, now: number): void {
    this.#certain.closed.add(seq, now);
    this.#certain.broken.add(seq, now);
  }

  /** The last number that the client has got as far as can be told; undefined where none can. */
  received(ending: Ending, now: number): number | undefined {
    return this.#certain[ending].at(now);
  }
}

/** The newest number that is so old; to within as long again, so that two are enough to remember. */
class LongAgo {
  readonly #ms: number;
  #candidate: Taken | undefined;
  #old: number | undefined;

  constructor(ms: number) {
    this.#ms = ms;
  }

  add(seq: number, at: number): void {
    const candidate = this.#candidate;
    if (candidate !== undefined && at - candidate.at < this.#ms) return;
    this.#old = candidate?.seq ?? this.#old;
    this.#candidate = { seq, at };
  }

  at(now: number): number | undefined {
    const candidate = this.#candidate;
    return candidate !== undefined && now - candidate.at >= this.#ms ? candidate.seq : this.#old;
  }
}
