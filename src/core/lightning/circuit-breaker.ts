import type { Clock } from '../ports/clock.ts';
import { isLightningError, LightningError, type LightningErrorCode } from './errors.ts';

/** When a breaker opens, and for how long. */
export interface CircuitBreakerOptions {
  readonly clock: Clock;
  /** So many failures running open it; 3 unless given. */
  readonly failures?: number;
  /** Milliseconds until the first try after that, doubled with each that fails, up to `longestMs`; 500 and 15,000 unless given. */
  readonly firstMs?: number;
  readonly longestMs?: number;
}

/** What says that the node is away; anything else is an answer, and the node is there. */
const AWAY: readonly LightningErrorCode[] = ['UNAVAILABLE', 'NOT_SYNCED', 'TIMEOUT', 'CONNECTION_LOST'];

/**
 * Spares a node that is away, and whoever waits for it: after some failures running, calls are refused at once, and one
 * at a time is let through to see whether it is back.
 */
export class CircuitBreaker {
  readonly #clock: Clock;
  readonly #failuresToOpen: number;
  readonly #firstMs: number;
  readonly #longestMs: number;
  #failures = 0;
  #tryAgainAt = 0;
  #trying = false;

  constructor(options: CircuitBreakerOptions) {
    this.#clock = options.clock;
    this.#failuresToOpen = options.failures ?? 3;
    this.#firstMs = options.firstMs ?? 500;
    this.#longestMs = options.longestMs ?? 15_000;
  }

  /** Whether calls are refused at present. */
  get isOpen(): boolean {
    if (this.#failures < this.#failuresToOpen) return false;
    const left = this.#tryAgainAt - this.#clock.now();
    // More than the longest pause is a clock that was set back.
    return this.#trying || (left > 0 && left <= this.#longestMs);
  }

  /** Makes a call, or refuses to. @throws LightningError `UNAVAILABLE` (retry `safe`) where it is refused, else what the call throws. */
  async run<T>(operation: string, call: () => Promise<T>): Promise<T> {
    if (this.isOpen) {
      throw new LightningError('UNAVAILABLE', 'the node has not answered lately; it is tried again in a moment', { operation });
    }
    const isTrial = this.#failures >= this.#failuresToOpen;
    this.#trying ||= isTrial;
    try {
      const value = await call();
      this.#failures = 0;
      return value;
    } catch (error) {
      if (AWAY.some((code) => isLightningError(error, code))) this.#failed();
      else this.#failures = 0;
      throw error;
    } finally {
      if (isTrial) this.#trying = false;
    }
  }

  #failed(): void {
    this.#failures += 1;
    const beyond = this.#failures - this.#failuresToOpen;
    if (beyond >= 0) this.#tryAgainAt = this.#clock.now() + Math.min(this.#firstMs * 2 ** Math.min(beyond, 20), this.#longestMs);
  }
}
