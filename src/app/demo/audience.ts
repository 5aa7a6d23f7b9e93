import type { SubscriberEvent } from '../../client/events.ts';
import { memoryState } from '../../client/state.ts';
import { openSubscriber } from '../../client/subscriber.ts';
import { sat } from '../../core/lightning/amount.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { Random } from '../../core/ports/random.ts';
import { openWallet } from '../wallet.ts';

/** Somebody who comes to the demo. */
export interface Visitor {
  readonly name: string;
  readonly syms: readonly string[] | '*';
  /** Wallet file to pay with; undefined: asks for a quote and pays nothing. */
  readonly wallet: string | undefined;
}

/** What arrived at one visitor's socket. */
export interface Tally {
  readonly name: string;
  readonly pays: boolean;
  subscription: string | undefined;
  active: boolean;
  rows: number;
  readonly bySymbol: Map<string, number>;
  /** When the first row arrived, on the monotonic clock, in milliseconds. */
  firstRowAt: number | undefined;
}

/** What a visitor lived through, for whoever shows it. */
export interface VisitorEvent {
  readonly visitor: Visitor;
  readonly tally: Tally;
  readonly event: SubscriberEvent;
}

/** What {@link visit} works with. */
export interface VisitOptions {
  readonly url: string;
  readonly stateDir: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly monotonic: () => number;
  readonly onEvent: (event: VisitorEvent) => void;
}

/** A tally with nothing in it. */
export function newTally({ name, wallet }: Visitor): Tally {
  return { name, pays: wallet !== undefined, subscription: undefined, active: false, rows: 0, bySymbol: new Map(), firstRowAt: undefined };
}

const BUDGET = sat(10_000);

/** Subscribes over a real socket, pays where there is a wallet, and counts what comes until the signal is aborted. @throws SubscriberError. */
export async function visit(visitor: Visitor, tally: Tally, options: VisitOptions): Promise<void> {
  const { logger, clock, random, signal, url } = options;
  const wallet = visitor.wallet === undefined ? undefined : await openWallet({ file: visitor.wallet, stateDir: options.stateDir, logger });
  const subscriber = openSubscriber({
    url,
    table: 'trade',
    syms: visitor.syms,
    budgetMsat: BUDGET,
    state: memoryState(),
    clock,
    random,
    logger,
    signal,
    giveUpMs: Number.POSITIVE_INFINITY,
    ...(wallet === undefined ? {} : { backend: wallet.backend }),
  });
  try {
    for await (const event of subscriber) {
      count(tally, event, options.monotonic());
      options.onEvent({ visitor, tally, event });
    }
  } finally {
    await subscriber[Symbol.asyncDispose]();
    await wallet?.[Symbol.asyncDispose]();
  }
}

function count(tally: Tally, event: SubscriberEvent, now: number): void {
  if (event.type === 'quote') tally.subscription = event.quote.subscription;
  if (event.type === 'active') tally.active = true;
  if (event.type !== 'rows') return;
  tally.firstRowAt ??= now;
  tally.rows += event.rows.length;
  tally.bySymbol.set(event.sym, (tally.bySymbol.get(event.sym) ?? 0) + event.rows.length);
}
