/** What is written at the end of a turn. */
export interface Flushable {
  flush(): void;
}

/** Up to here frames of a turn are copied into one buffer: cheaper than handing the kernel a list. */
const JOIN_BYTES = 64 * 1024;

/**
 * Gathers the connections that have something to write and writes once to each at the end of the turn: system calls are
 * what fan-out costs. The end of the turn is `setImmediate`: after all that this round of the event loop published, also
 * across awaits, and before it waits for more input.
 */
export class Turn {
  #waiting: Flushable[] = [];
  #lastFrames: readonly Uint8Array[] = [];
  #lastJoined: Uint8Array | undefined;

  /** Flushes it at the end of this turn; to be called once a turn for each. */
  add(flushable: Flushable): void {
    this.#waiting.push(flushable);
    if (this.#waiting.length === 1) setImmediate(this.#end);
  }

  /**
   * Frames as one buffer, the same one for all connections in a row that take the same frames; undefined where they are
   * too long to be copied.
   */
  join(frames: readonly Uint8Array[]): Uint8Array | undefined {
    if (this.#lastJoined !== undefined && same(frames, this.#lastFrames)) return this.#lastJoined;
    let length = 0;
    for (const frame of frames) length += frame.length;
    if (length > JOIN_BYTES) return undefined;
    this.#lastFrames = frames;
    this.#lastJoined = Buffer.concat(frames, length);
    return this.#lastJoined;
  }

  readonly #end = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const flushable of waiting) flushable.flush();
    this.#lastFrames = [];
    this.#lastJoined = undefined;
  };
}

function same(some: readonly Uint8Array[], others: readonly Uint8Array[]): boolean {
  if (some.length !== others.length) return false;
  for (let i = 0; i < some.length; i++) if (some[i] !== others[i]) return false;
  return true;
}
