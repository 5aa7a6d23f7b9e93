import type { Clock } from '../../../core/ports/clock.ts';
import { limitedAs } from '../../../core/tickerplant/address.ts';
import { TickerplantError } from '../../../core/tickerplant/errors.ts';
import type { Stream } from './stream.ts';

/** What {@link Streams} may hold. */
export interface StreamLimits {
  readonly maxStreams: number;
  readonly maxStreamsPerAddress: number;
  readonly heartbeatSeconds: number;
}

/** The streams that are open, and the long answers that are being given; both take a place. */
export class Streams {
  readonly #limits: StreamLimits;
  readonly #clock: Clock;
  readonly #open = new Set<Stream>();
  readonly #places = new Map<string, number>();
  #taken = 0;
  #beat: Disposable | undefined;
  #isStopping = false;

  constructor(limits: StreamLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Takes a place for an address; to be given back once. @throws TickerplantError `STOPPING`, `RATE_LIMITED`. */
  take(from: string): () => void {
    const address = limitedAs(from);
    if (this.#isStopping) throw new TickerplantError('STOPPING', 'the server is going down; come back in a moment');
    const here = this.#places.get(address) ?? 0;
    if (here >= this.#limits.maxStreamsPerAddress || this.#taken >= this.#limits.maxStreams) {
      throw new TickerplantError('RATE_LIMITED', 'too many streams are open; close one, or come again later');
    }
    this.#places.set(address, here + 1);
    this.#taken += 1;
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      this.#taken -= 1;
      const left = (this.#places.get(address) ?? 1) - 1;
      if (left > 0) this.#places.set(address, left);
      else this.#places.delete(address);
    };
  }

  add(stream: Stream): void {
    if (this.#open.size === 0) this.#schedule();
    this.#open.add(stream);
  }

  remove(stream: Stream): void {
    this.#open.delete(stream);
    if (this.#open.size === 0) this.#beat?.[Symbol.dispose]();
  }

  /** Takes no more, and says good-bye to all. */
  goAway(): void {
    this.#isStopping = true;
    for (const stream of this.#open) stream.goAway();
  }

  /** Ends all at once. */
  terminate(): void {
    for (const stream of this.#open) stream.terminate();
  }

  #schedule(): void {
    this.#beat = this.#clock.setTimer(this.#limits.heartbeatSeconds * 1000, () => {
      for (const stream of this.#open) stream.beat(this.#clock.now());
      this.#schedule();
    });
  }
}
