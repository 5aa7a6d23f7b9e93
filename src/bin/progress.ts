const EVERY_MS = 500;

/** Tells on a terminal, on one line of standard error, how far a long work is. Nowhere else. */
export class Progress {
  readonly #what: string;
  readonly #shown: boolean;
  #last = performance.now();
  #onLine = false;

  constructor(what: string) {
    this.#what = what;
    this.#shown = process.stderr.isTTY === true;
  }

  readonly at = (done: number, all: number): void => {
    const now = performance.now();
    if (!this.#shown || now - this.#last < EVERY_MS) return;
    this.#last = now;
    this.#onLine = true;
    process.stderr.write(`\r${this.#what} ${all === 0 ? 100 : Math.floor((done * 100) / all)} % of ${Math.ceil(all / 1e6)} MB\x1b[K`);
  };

  end(): void {
    if (this.#onLine) process.stderr.write('\r\x1b[K');
  }
}
