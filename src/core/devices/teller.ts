import type { Clock } from '../ports/clock.ts';
import type { DeviceLedger } from '../ports/device-ledger.ts';
import type { Logger } from '../ports/logger.ts';
import type { DeviceSink } from './service.ts';

/** What a teller leans on. */
export interface TellerDependencies {
  readonly ledger: Pick<DeviceLedger, 'unacknowledged'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly retellMs: number;
}

/** Payments that are told before some of them are acknowledged: what one connection may cost. */
const WINDOW = 64;
/** After the ledger failed, and while the outlet is full. */
const SOON_MS = 1_000;
/** Each telling waits twice as long for its acknowledgement as the one before, so many times: from half a minute to half an hour. */
const MOST_DOUBLINGS = 6;

interface Told {
  readonly at: number;
  readonly times: number;
}

/**
 * Tells one connection of a device's payments until they are acknowledged. What the ledger says is the only list: nothing is remembered
 * here but when each was told last, so that whatever happens in between, the next look puts it right.
 */
export class Teller {
  readonly #dependencies: TellerDependencies;
  readonly #device: string;
  readonly #sink: DeviceSink;
  #told = new Map<string, Told>();
  #looking = false;
  #again = false;
  #closed = false;
  #timer: Disposable | undefined;

  constructor(device: string, sink: DeviceSink, dependencies: TellerDependencies) {
    this.#device = device;
    this.#sink = sink;
    this.#dependencies = dependencies;
  }

  /** Tells everything that is open, whenever it was told last. */
  tellAll(): void {
    this.#told = new Map();
    this.look();
  }

  /** Something has changed: a payment has come, or one was acknowledged. */
  look(): void {
    this.#again = true;
    if (this.#looking || this.#closed) return;
    this.#looking = true;
    void this.#run();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.[Symbol.dispose]();
  }

  async #run(): Promise<void> {
    let nextMs: number | undefined;
    try {
      while (this.#again && !this.#closed) {
        this.#again = false;
        nextMs = await this.#tell();
      }
    } catch (error) {
      this.#dependencies.logger.warn({ err: error, device: this.#device }, 'payments could not be told; trying again');
      nextMs = SOON_MS;
    }
    this.#looking = false;
    this.#timer?.[Symbol.dispose]();
    if (nextMs === undefined || this.#closed) return;
    this.#timer = this.#dependencies.clock.setTimer(nextMs, () => this.look());
  }

  /** Answers in how many milliseconds there is something to be told again; undefined where there is nothing. */
  async #tell(): Promise<number | undefined> {
    const { ledger, clock, retellMs } = this.#dependencies;
    const open = await ledger.unacknowledged(this.#device, WINDOW);
    const before = this.#told;
    const told = new Map<string, Told>();
    this.#told = told;
    let nextMs: number | undefined;
    for (const settlement of open) {
      if (this.#closed) return undefined;
      const now = clock.now();
      const last = before.get(settlement.id);
      // A clock that was set back tells again at once.
      const leftMs = last === undefined || last.at > now ? 0 : last.at + retellMs * 2 ** Math.min(last.times - 1, MOST_DOUBLINGS) - now;
      if (last !== undefined && leftMs > 0) {
        told.set(settlement.id, last);
        nextMs = Math.min(nextMs ?? leftMs, leftMs);
      } else if (this.#sink.isFull) {
        nextMs = Math.min(nextMs ?? SOON_MS, SOON_MS);
      } else {
        const next: Told = { at: now, times: (last?.times ?? 0) + 1 };
        this.#sink.settled(settlement);
        told.set(settlement.id, next);
        const waitMs = retellMs * 2 ** Math.min(next.times - 1, MOST_DOUBLINGS);
        nextMs = Math.min(nextMs ?? waitMs, waitMs);
      }
    }
    return nextMs;
  }
}
