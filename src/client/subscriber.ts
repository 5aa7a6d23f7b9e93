import type { Msat } from '../core/lightning/amount.ts';
import { silentLogger } from '../core/ports/logger.ts';
import { positionAfter, type SubscriberEvent } from './events.ts';
import type { SubscriberOptions } from './options.ts';
import type { SubscriberState } from './state.ts';
import { Subscription } from './subscription.ts';

/**
 * A subscription as a stream of events: read it with `for await`. Reading is what drives it: nothing goes on behind a reader
 * that has stopped, and the server's socket is not read further. Ends by itself when what was bought is over.
 * @throws SubscriberError while it is read.
 */
export interface Subscriber extends AsyncIterable<SubscriberEvent>, AsyncDisposable {
  /** Spent so far with this state, fees included. */
  readonly spentMsat: Msat;
  /** Ends the connection. What is being paid goes on at the node and is looked up next time. The state stays open. */
  [Symbol.asyncDispose](): Promise<void>;
}

const DEFAULTS = {
  giveUpMs: 60_000,
  heartbeatMs: 10_000,
  payTimeoutMs: 60_000,
  backoff: { baseMs: 100, maxMs: 10_000 },
} as const;

/**
 * Subscribes to a tickerplant: asks for a quote, checks it, pays it, receives, and goes on after lost connections and (with a
 * state that lasts) after its own crash, each subscription paid once. Nothing happens before the first event is asked for.
 * @throws SubscriberError `STATE_MISMATCH` where the state belongs to something else.
 */
export function openSubscriber(options: SubscriberOptions): Subscriber {
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal]);
  const { state, commit = 'auto' } = options;
  const subscription = new Subscription({ ...DEFAULTS, ...options, logger: options.logger ?? silentLogger, signal });
  const events = read(subscription, signal, commit === 'auto' ? state : undefined);
  return {
    get spentMsat() {
      return subscription.spentMsat;
    },
    [Symbol.asyncIterator]: () => events,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await events.return(undefined);
    },
  };
}

async function* read(
  subscription: Subscription,
  signal: AbortSignal,
  committing: SubscriberState | undefined,
): AsyncGenerator<SubscriberEvent, undefined> {
  try {
    for await (const event of subscription.events()) {
      yield event;
      const position = committing === undefined ? undefined : positionAfter(event);
      if (position !== undefined) committing?.commit([position]);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    subscription.close();
  }
  return undefined;
}
