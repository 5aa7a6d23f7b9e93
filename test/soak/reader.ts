import { positionAfter, type SubscriberEvent } from '../../src/client/events.ts';
import { memoryState, type SubscriberState } from '../../src/client/state.ts';
import type { Subscriber } from '../../src/client/subscriber.ts';

/** What readers have seen, all together. */
export interface Seen {
  rows: number;
  lost: number;
  repeated: number;
  paid: number;
  reconnects: number;
}

/** A subscriber that goes away and comes back, and holds every number against the one before. */
export class Reader {
  readonly #state: SubscriberState = memoryState();
  readonly #last = new Map<string, number>();
  readonly #seen: Seen;
  readonly #open: (state: SubscriberState, signal: AbortSignal) => Subscriber;
  #leaving = new AbortController();

  constructor(seen: Seen, open: (state: SubscriberState, signal: AbortSignal) => Subscriber) {
    this.#seen = seen;
    this.#open = open;
  }

  /** Reads until the signal is aborted, on one connection after the other. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#leaving = new AbortController();
      const subscriber = this.#open(this.#state, AbortSignal.any([signal, this.#leaving.signal]));
      try {
        for await (const event of subscriber) await this.#take(event);
      } catch (error) {
        if (!signal.aborted && !this.#leaving.signal.aborted) throw error;
      } finally {
        await subscriber[Symbol.asyncDispose]();
      }
    }
  }

  /** Ends the present connection. */
  leave(): void {
    this.#seen.reconnects += 1;
    this.#leaving.abort();
  }

  async #take(event: SubscriberEvent): Promise<void> {
    if (event.type === 'paid') this.#seen.paid += 1;
    if (event.type === 'active') for (const [sym, next] of Object.entries(event.next)) this.#last.set(sym, next - 1);
    if (event.type === 'gap') this.#seen.lost += event.to === undefined ? 1 : event.to - event.from + 1;
    if (event.type === 'rows') this.#count(event.sym, event.seq, event.rows.length);
    const position = positionAfter(event);
    if (position !== undefined) await this.#state.commit([position]);
  }

  #count(sym: string, seq: number, count: number): void {
    const expected = (this.#last.get(sym) ?? seq - 1) + 1;
    if (seq > expected) this.#seen.lost += seq - expected;
    if (seq < expected) this.#seen.repeated += Math.min(count, expected - seq);
    this.#last.set(sym, Math.max(seq + count - 1, expected - 1));
    this.#seen.rows += count;
  }
}
