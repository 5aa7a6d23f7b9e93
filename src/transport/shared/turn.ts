/** What is written at the end of a turn. */
export interface Flushable {
  flush(): void;
}

/** What stands around the frames of a write; compared by identity. */
export interface Wrapping {
  head(bytes: number): Uint8Array;
  readonly tail: Uint8Array;
}

/** Up to here frames of a turn are copied into one buffer: cheaper than handing the kernel a list. */
const JOIN_BYTES = 512 * 1024;
/** How long connections are written to, at least, before what else there is to do has its turn. */
const SLICE_MS = 0.5;
/** The clock is looked at once in so many writes. */
const WRITES_A_LOOK = 8;

/**
 * Gathers the connections that have something to write and writes once to each at the end of the turn: system calls are
 * what fan-out costs. The end of the turn is `setImmediate`: after all that this round of the event loop published, also
 * across awaits, and before it waits for more input.
 *
 * Writing to very many takes long, and neither publishing nor paying is to stand behind it: it is done in slices, each connection in its
 * turn, and each slice at least as long as what else was done since the one before, so that neither falls behind the other. What is
 * published between two slices leaves with what still waits, so that the more there is to do the less each row costs.
 */
export class Turn {
  readonly #sliceMs: number;
  /** Each in the order in which they came. */
  readonly #first: Flushable[] = [];
  readonly #waiting: Flushable[] = [];
  #isScheduled = false;
  /** When the last slice ended with something left to do. */
  #paused = Number.POSITIVE_INFINITY;
  #lastFrames: readonly Uint8Array[] = [];
  #lastWrapping: Wrapping | undefined;
  #lastJoined: Uint8Array | undefined;

  constructor(sliceMs: number = SLICE_MS) {
    this.#sliceMs = sliceMs;
  }

  /** Flushes it at the end of this turn, or when those before it were; to be called once until it was flushed. */
  add(flushable: Flushable): void {
    this.#waiting.push(flushable);
    this.#schedule();
  }

  /** Flushes it at the end of this turn, before those that have rows only: whoever asked, or has paid, does not stand behind everybody's rows. */
  addFirst(flushable: Flushable): void {
    this.#first.push(flushable);
    this.#schedule();
  }

  /**
   * Frames as one buffer, the same one for all connections in a row that take the same frames; undefined where they are
   * too long to be copied.
   */
  join(frames: readonly Uint8Array[], wrapping?: Wrapping): Uint8Array | undefined {
    if (this.#lastJoined !== undefined && wrapping === this.#lastWrapping && same(frames, this.#lastFrames)) return this.#lastJoined;
    let length = 0;
    for (const frame of frames) length += frame.length;
    if (length > JOIN_BYTES) return undefined;
    this.#lastFrames = frames;
    this.#lastWrapping = wrapping;
    this.#lastJoined = Buffer.concat(wrapping === undefined ? frames : [wrapping.head(length), ...frames, wrapping.tail]);
    return this.#lastJoined;
  }

  readonly #flush = (): void => {
    this.#isScheduled = false;
    const now = performance.now();
    const until = now + Math.max(this.#sliceMs, now - this.#paused);
    this.#flushSome(this.#first, until);
    // Some of these in every slice, whatever there is to be said first.
    this.#flushSome(this.#waiting, until);
    const isDone = this.#first.length + this.#waiting.length === 0;
    this.#paused = isDone ? Number.POSITIVE_INFINITY : performance.now();
    if (!isDone) this.#schedule();
    this.#lastFrames = [];
    this.#lastJoined = undefined;
  };

  #flushSome(queue: Flushable[], until: number): void {
    // Those that come while these are written to have their turn after others had theirs.
    const end = queue.length;
    let next = 0;
    while (next < end) {
      queue[next]?.flush();
      next += 1;
      if (next % WRITES_A_LOOK === 0 && performance.now() >= until) break;
    }
    queue.splice(0, next);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#flush);
  }
}

function same(some: readonly Uint8Array[], others: readonly Uint8Array[]): boolean {
  if (some.length !== others.length) return false;
  for (let i = 0; i < some.length; i++) if (some[i] !== others[i]) return false;
  return true;
}
