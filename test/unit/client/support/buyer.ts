import { systemClock, systemRandom } from '../../../../src/app/system.ts';
import type { SubscriberEvent } from '../../../../src/client/events.ts';
import type { SubscriberOptions } from '../../../../src/client/options.ts';
import { memoryState } from '../../../../src/client/state.ts';
import { openSubscriber, type Subscriber } from '../../../../src/client/subscriber.ts';
import { sat } from '../../../../src/core/lightning/amount.ts';
import { TestPayer } from './payer.ts';
import { TestTickerplant } from './tickerplant.ts';

const DEADLINE_MS = 8_000;

/** A tickerplant, a wallet, and what it takes to subscribe; disposed of together. */
export async function openMarket(): Promise<{ readonly plant: TestTickerplant; readonly payer: TestPayer } & AsyncDisposable> {
  const payer = new TestPayer();
  const plant = new TestTickerplant(payer);
  await plant.start();
  return { plant, payer, [Symbol.asyncDispose]: () => plant.stop() };
}

/** Options as a test changes them; undefined takes one away. */
export type Change = { readonly [Name in keyof SubscriberOptions]?: SubscriberOptions[Name] | undefined };

export function subscribeTo(plant: TestTickerplant, change: Change = {}): Subscriber {
  const options = {
    url: plant.url,
    table: 'trade',
    syms: ['AAPL', 'GOOG'],
    backend: plant.payer,
    budgetMsat: sat(1000),
    maxFeeMsat: sat(10),
    state: memoryState(),
    clock: systemClock,
    random: systemRandom,
    backoff: { baseMs: 2, maxMs: 20 },
    ...change,
  };
  return openSubscriber(
    Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as unknown as SubscriberOptions,
  );
}

/** Reads on until an event meets the condition; answers all that were read. */
export async function readUntil(
  events: AsyncIterator<SubscriberEvent>,
  condition: (event: SubscriberEvent, all: readonly SubscriberEvent[]) => boolean,
): Promise<SubscriberEvent[]> {
  const all: SubscriberEvent[] = [];
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not in time; seen: ${all.map(describe).join(', ')}`)), DEADLINE_MS);
  });
  try {
    for (;;) {
      const result = await Promise.race([events.next(), deadline]);
      if (result.done === true) throw new Error(`ended; seen: ${all.map(describe).join(', ')}`);
      all.push(result.value);
      if (condition(result.value, all)) return all;
    }
  } finally {
    clearTimeout(timer);
  }
}

function describe(event: SubscriberEvent): string {
  return event.type === 'status' ? `${event.state} (${event.detail})` : event.type;
}

export function ofType<T extends SubscriberEvent['type']>(
  events: readonly SubscriberEvent[],
  type: T,
): Extract<SubscriberEvent, { readonly type: T }>[] {
  return events.filter((event): event is Extract<SubscriberEvent, { readonly type: T }> => event.type === type);
}

/** `AAPL@1:3` for each row. */
export function rowNames(events: readonly SubscriberEvent[]): string[] {
  return ofType(events, 'rows').flatMap((event) => event.rows.map((_, index) => `${event.sym}@${event.epoch}:${event.seq + index}`));
}
