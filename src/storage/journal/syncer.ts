import { close, fdatasync, fdatasyncSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Clock } from '../../core/ports/clock.ts';
import type { FsyncPolicy } from './config.ts';

const syncData = promisify(fdatasync);
const closeFile = promisify(close);

/** Unless given otherwise. */
const INTERVAL_MS = 1000;

/** Forces what was written to the disk, by the policy and on request; never on the way of an append but with `always`. */
export class Syncer {
  readonly #clock: Clock;
  readonly #always: boolean;
  readonly #intervalMs: number | undefined;
  readonly #onFailure: (error: unknown) => void;
  #current: number;
  #dirty = false;
  /** Ended segments, still to be synced and closed. */
  #ended: number[] = [];
  #timer: Disposable | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(options: { fd: number; policy: FsyncPolicy; clock: Clock; onFailure: (error: unknown) => void }) {
    this.#clock = options.clock;
    this.#always = options.policy === 'always';
    if (options.policy === 'interval') this.#intervalMs = INTERVAL_MS;
    else if (typeof options.policy === 'object') this.#intervalMs = options.policy.intervalMs;
    this.#onFailure = options.onFailure;
    this.#current = options.fd;
  }

  /** Something was written. @throws with the policy `always`, when it could not be forced to the disk. */
  written(): void {
    if (this.#always) {
      fdatasyncSync(this.#current);
      return;
    }
    this.#dirty = true;
    if (this.#intervalMs === undefined || this.#timer !== undefined) return;
    this.#timer = this.#clock.setTimer(this.#intervalMs, () => {
      this.#timer = undefined;
      this.#background();
    });
  }

  /** From now on another file is written; the one before is synced and closed by and by. */
  switchTo(fd: number): void {
    this.#ended.push(this.#current);
    this.#current = fd;
    this.#background();
  }

  /** Resolves when all that was written is on the disk. */
  sync(): Promise<void> {
    const done = this.#last.then(() => this.#syncOnce());
    this.#last = done.catch(() => {});
    return done;
  }

  /** Syncs and closes. */
  async close(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    try {
      await this.sync();
    } finally {
      await closeFile(this.#current);
    }
  }

  #background(): void {
    this.sync().catch(this.#onFailure);
  }

  async #syncOnce(): Promise<void> {
    for (let fd = this.#ended.shift(); fd !== undefined; fd = this.#ended.shift()) {
      try {
        await syncData(fd);
      } finally {
        await closeFile(fd);
      }
    }
    if (!this.#dirty) return;
    const fd = this.#current;
    this.#dirty = false;
    try {
      await syncData(fd);
    } catch (error) {
      this.#dirty = true;
      throw error;
    }
  }
}
