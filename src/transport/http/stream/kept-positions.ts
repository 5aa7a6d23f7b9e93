import type { Clock } from '../../../core/ports/clock.ts';
import type { Random } from '../../../core/ports/random.ts';
import type { ResumePosition } from '../../../core/tickerplant/messages.ts';
import type { Positions } from './event-id.ts';

/** Rows of a stream whose numbers are kept one by one; what is older can't be gone back to. */
const KEPT_ROWS = 8_192;
/** Streams that have ended and are remembered, and for how long. */
const KEPT_ENDED = 32;
const KEPT_MS = 15 * 60_000;
const KEY_BYTES = 12;
const ID = /^~([A-Za-z0-9_-]{16})\.(\d{1,15})$/;

/**
 * Short event ids for streams of so many symbols that an id can't say everything by itself: `~key.n` is the n-th event of a stream,
 * and what it stands for is kept here, in bounded memory. After a restart it is not known any more.
 */
export class KeptPositions {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #streams = new Map<string, KeptStream>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** A stream that begins after these positions. */
  open(after: Positions): KeptStream {
    this.#forget();
    const key = Buffer.from(this.#random.bytes(KEY_BYTES)).toString('base64url');
    const stream = new KeptStream(key, after);
    this.#streams.set(key, stream);
    return stream;
  }

  /** What an id stands for; undefined where it is none, or is not known any more. */
  find(id: string): Positions | undefined {
    const [, key = '', n] = ID.exec(id) ?? [];
    return this.#streams.get(key)?.at(Number(n));
  }

  /** A stream has ended; it is remembered for a while. */
  end(stream: KeptStream): void {
    stream.endedAt = this.#clock.now();
    // Those that ended last stand last.
    this.#streams.delete(stream.key);
    this.#streams.set(stream.key, stream);
    this.#forget();
  }

  #forget(): void {
    const ended = [...this.#streams.values()].filter(({ endedAt }) => endedAt !== undefined);
    const old = this.#clock.now() - KEPT_MS;
    for (const [i, { key, endedAt = 0 }] of ended.entries()) {
      if (i < ended.length - KEPT_ENDED || endedAt < old) this.#streams.delete(key);
    }
  }
}

/** The positions of one stream: where it was some rows ago, and what came since. */
export class KeptStream {
  readonly key: string;
  endedAt: number | undefined;
  readonly #base = new Map<string, Map<string, { readonly epoch: number; readonly seq: number }>>();
  #rows: { readonly table: string; readonly sym: string; readonly epoch: number; readonly seq: number }[] = [];
  /** Events before the first of `#rows`. */
  #folded = 0;

  constructor(key: string, after: Positions) {
    this.key = key;
    for (const [table, { epoch, seqs }] of Object.entries(after)) {
      for (const [sym, seq] of Object.entries(seqs)) this.#fold({ table, sym, epoch, seq });
    }
  }

  /** Notes an event; answers its id. */
  note(table: string, sym: string, epoch: number, seq: number): string {
    if (this.#rows.length >= KEPT_ROWS * 2) {
      for (const row of this.#rows.splice(0, KEPT_ROWS)) this.#fold(row);
      this.#folded += KEPT_ROWS;
    }
    this.#rows.push({ table, sym, epoch, seq });
    return `~${this.key}.${this.#folded + this.#rows.length}`;
  }

  /** Where the stream was after its n-th event; undefined where that is not kept. */
  at(n: number): Positions | undefined {
    const count = n - this.#folded;
    if (count < 0 || count > this.#rows.length) return undefined;
    const after: Record<string, { epoch: number; seqs: Record<string, number> }> = Object.create(null);
    const put = (table: string, sym: string, epoch: number, seq: number) => {
      const position = after[table];
      if (position?.epoch === epoch) position.seqs[sym] = seq;
      else if (position === undefined || position.epoch < epoch)
        after[table] = { epoch, seqs: Object.assign(Object.create(null), { [sym]: seq }) };
    };
    for (const [table, symbols] of this.#base) for (const [sym, { epoch, seq }] of symbols) put(table, sym, epoch, seq);
    for (const { table, sym, epoch, seq } of this.#rows.slice(0, count)) put(table, sym, epoch, seq);
    return after satisfies Readonly<Record<string, ResumePosition>>;
  }

  #fold({ table, sym, epoch, seq }: { readonly table: string; readonly sym: string; readonly epoch: number; readonly seq: number }): void {
    const symbols = this.#base.get(table) ?? new Map<string, { readonly epoch: number; readonly seq: number }>();
    this.#base.set(table, symbols);
    symbols.set(sym, { epoch, seq });
  }
}
