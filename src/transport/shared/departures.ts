interface Waiter {
  readonly callback: () => void;
  /** How many frames must have been written, counted from the first of the connection. */
  frames: number;
  /** With which write the last of them went; undefined while they are gathered or held back. */
  write: number | undefined;
}

/**
 * Which frames of a connection have left: it counts frames into writes and writes out of the socket, whose callbacks come in order. Costs two
 * additions a write where nobody waits.
 */
export class Departures {
  #admitted = 0;
  #written = 0;
  #writes = 0;
  #done = 0;
  #broken = false;
  #waiters: Waiter[] = [];

  /** A frame will be written, after all that were admitted before. */
  admitted(): void {
    this.#admitted += 1;
  }

  /** A frame that was admitted stands before frames that are held back: who waits for those waits for one more. */
  overtaken(): void {
    for (const waiter of this.#waiters) if (waiter.write === undefined) waiter.frames += 1;
  }

  /** So many frames are being written, in so many writes, each of which calls {@link done}. */
  writing(frames: number, writes: number): void {
    this.#written += frames;
    this.#writes += writes;
    for (const waiter of this.#waiters) {
      if (waiter.write === undefined && waiter.frames <= this.#written) waiter.write = this.#writes;
    }
  }

  /** A write has gone to the other side's machine, or failed. */
  done(error: Error | null | undefined): void {
    this.#done += 1;
    if (error != null) this.#broken = true;
    if (this.#waiters.length > 0) this.#callBack();
  }

  /** Calls back once when all that was admitted until now has left; never after a write that failed. */
  whenLeft(callback: () => void): void {
    const write = this.#written >= this.#admitted ? this.#writes : undefined;
    this.#waiters.push({ callback, frames: this.#admitted, write });
    if (write !== undefined) this.#callBack();
  }

  /** Nothing leaves any more. */
  gone(): void {
    this.#broken = true;
    this.#waiters = [];
  }

  #callBack(): void {
    while (!this.#broken) {
      const [first] = this.#waiters;
      if (first?.write === undefined || first.write > this.#done) return;
      this.#waiters.shift();
      first.callback();
    }
  }
}
