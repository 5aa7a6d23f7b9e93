import { isLightningError } from '../../core/lightning/errors.ts';
import type { StreamStatus } from '../../core/lightning/settlement.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { Random } from '../../core/ports/random.ts';
import { anySignal } from './abort.ts';
import { Backoff } from './backoff.ts';

/** What {@link followThroughOutages} needs of an adapter. */
export interface Following<T> {
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal | undefined;
  readonly onStatus: ((status: StreamStatus) => void) | undefined;
  /**
   * One connection's worth of the stream: connects, catches up, says so through `live`, and yields until the
   * connection is gone, which it tells by throwing. Where it goes on is its own to remember.
   */
  session(signal: AbortSignal, live: () => void): AsyncIterable<T>;
}

/**
 * A stream that outlives its connections: a lost node is waited for with growing pauses, for ever. Ends, without an
 * error, when the signal is aborted or the consumer stops, also while it waits for the next event.
 * @throws LightningError what waiting can't cure: `INVALID_ARGUMENT`, `WRONG_NETWORK`.
 */
export function followThroughOutages<T>(following: Following<T>): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator](): AsyncIterator<T> {
      const stop = new AbortController();
      const signal = anySignal(following.signal, stop.signal) as AbortSignal;
      const events = run(following, signal);
      return {
        next: () => events.next(),
        async return(): Promise<IteratorResult<T>> {
          // A generator would first wait for the pending next(), which may be for ever.
          stop.abort();
          return await events.return(undefined);
        },
        async throw(error?: unknown): Promise<IteratorResult<T>> {
          stop.abort();
          return await events.throw(error);
        },
      };
    },
  };
}

async function* run<T>(following: Following<T>, signal: AbortSignal): AsyncGenerator<T, undefined> {
  const { clock, onStatus } = following;
  const backoff = new Backoff(following.random);
  while (!signal.aborted) {
    onStatus?.({ state: 'connecting' });
    try {
      const live = () => {
        backoff.reset();
        onStatus?.({ state: 'live' });
      };
      yield* following.session(signal, live);
    } catch (error) {
      if (signal.aborted) return undefined;
      if (isIncurable(error)) throw error;
      const retryInMs = backoff.next();
      onStatus?.({ state: 'lost', error: error instanceof Error ? error : new Error(String(error)), retryInMs });
      await clock.sleep(retryInMs, signal).catch(() => {});
    }
  }
  return undefined;
}

function isIncurable(error: unknown): boolean {
  return isLightningError(error, 'INVALID_ARGUMENT') || isLightningError(error, 'WRONG_NETWORK');
}
