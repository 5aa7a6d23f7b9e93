import type { FaultOrder } from '../../src/adapters/simulated/gateway/faults.ts';
import { MOMENTS, type Moment } from './buyer.ts';
import type { PlanRandom } from './random.ts';

export const SYMBOLS = ['AAPL', 'GOOGL', 'MSFT', 'AMZN', 'IBM'] as const;

/** Something that is done to the world. */
export type Deed =
  | { readonly kind: 'kill-server' | 'kill-network' | 'kill-buyer' | 'kill-listener' }
  /** SIGTERM: a server that is stopped in order, and started again. */
  | { readonly kind: 'stop-server' | 'stop-listener' }
  /** The listener's outbox is gone; or the server goes over from the listener to the node itself, and back. */
  | { readonly kind: 'lose-outbox' | 'switch-source' }
  | { readonly kind: 'fault'; readonly order: FaultOrder; readonly untilMs?: number }
  /** The wire to a node is cut, or loses the answers, or is not there. */
  | { readonly kind: 'wire'; readonly how: 'cut' | 'mute' | 'refuse'; readonly wire: number; readonly untilMs: number }
  | { readonly kind: 'disk-full'; readonly untilMs: number }
  | { readonly kind: 'clock'; readonly offsetMs: number };

/** What it is called where deeds are counted. */
export function nameOf(deed: Deed): string {
  switch (deed.kind) {
    case 'fault':
      return deed.order.kind === 'settlement-events' ? `settlement-events-${deed.order.how}` : deed.order.kind;
    case 'wire':
      return `wire-${deed.how}`;
    default:
      return deed.kind;
  }
}

/** When: so long after a buyer of the round has come so far. */
export interface PlannedDeed {
  readonly deed: Deed;
  readonly buyer: number;
  readonly moment: Moment;
  readonly afterMs: number;
}

export interface PlannedBuyer {
  readonly syms: readonly string[];
  /** Which wallet pays; undefined: it only looks at the price. */
  readonly wallet: number | undefined;
  /** Which folder its wallet remembers its payments in. */
  readonly home: number;
  /** How it is ended; undefined: it lives on into the next round. */
  readonly end: 'SIGKILL' | 'SIGINT' | undefined;
}

/** What a round is to be. It depends on nothing but the seed. */
export interface RoundPlan {
  readonly buyers: readonly PlannedBuyer[];
  readonly deeds: readonly PlannedDeed[];
}

/** What the plan is for. */
export interface PlanOptions {
  readonly kills: number;
  /** Buyers who pay. */
  readonly payers: number;
  readonly wallets: number;
  readonly faulty: { readonly seller: string; readonly buyers: readonly string[] } | undefined;
  /** How many wires can be cut. */
  readonly wires: number;
  /** Whether a listener of its own follows the node. */
  readonly listener?: boolean;
}

/** Payments for each kill; what the network is asked for afterwards shows whether they came about. */
export const PAYMENTS_PER_KILL = 3;
const KILLS = ['kill-server', 'kill-server', 'kill-network', 'kill-buyer', 'kill-buyer', 'kill-buyer'] as const;
const WITH_LISTENER = [...KILLS, 'kill-listener', 'kill-listener', 'kill-listener'] as const;
const SERVER_MOMENTS = ['start', 'quote', 'paying', 'paid', 'paid', 'active'] as const;
const HOMES = 4;
const LONGEST_AFTER_MS = 120;
const FAULTS = 2;
const MINUTE_MS = 60_000;

export function planRound(random: PlanRandom, options: PlanOptions): RoundPlan {
  const buyers = Array.from({ length: options.payers + 1 }, (_, index) => planBuyer(random, options, index < options.payers));
  const when = () => ({
    buyer: random.below(buyers.length - 1),
    moment: random.pick(MOMENTS),
    afterMs: random.chance(0.5) ? random.below(15) : random.below(LONGEST_AFTER_MS),
  });
  const kills = Array.from({ length: options.kills }, (): PlannedDeed => {
    const kind = random.pick(options.listener === true ? WITH_LISTENER : KILLS);
    // Where the server has most to lose: between a payment and its effect.
    return {
      deed: { kind },
      ...when(),
      ...(kind === 'kill-server' || kind === 'kill-listener' ? { moment: random.pick(SERVER_MOMENTS) } : {}),
    };
  });
  const others = Array.from({ length: FAULTS }, (): PlannedDeed => ({ deed: planFault(random, options), ...when() }));
  return { buyers, deeds: [...kills, ...others] };
}

function planBuyer(random: PlanRandom, { wallets }: PlanOptions, pays: boolean): PlannedBuyer {
  return {
    syms: random.some(SYMBOLS, random.between(1, 3)),
    wallet: pays ? random.below(wallets) : undefined,
    home: random.below(HOMES),
    end: random.chance(0.1) ? undefined : random.pick(['SIGKILL', 'SIGINT']),
  };
}

function planFault(random: PlanRandom, { faulty, wires, listener = false }: PlanOptions): Deed {
  if (listener && random.chance(0.25)) return { kind: random.pick(['stop-listener', 'lose-outbox', 'switch-source']) };
  const untilMs = random.between(300, 1_500);
  const own = [
    (): Deed => ({ kind: 'disk-full', untilMs }),
    (): Deed => ({ kind: 'clock', offsetMs: random.between(-15 * MINUTE_MS, 15 * MINUTE_MS) }),
    (): Deed => ({ kind: 'stop-server' }),
  ] as const;
  const how = random.pick(['cut', 'mute', 'refuse']);
  const wire = random.below(Math.max(1, wires));
  const cut = (): Deed => ({ kind: 'wire', how, wire, untilMs });
  if (wires > 0 && random.chance(0.5)) return cut();
  if (faulty === undefined) return random.pick(own)();
  const { seller } = faulty;
  const payer = faulty.buyers[random.below(faulty.buyers.length)] ?? seller;
  const fault = (order: FaultOrder): Deed => ({ kind: 'fault', order });
  const count = random.between(1, 4);
  const asSeller = (): Deed =>
    fault({
      kind: 'lose-reply',
      node: seller,
      method: random.pick(['createInvoice', 'lookupInvoice', 'cancelInvoice', 'settledAfter', 'settledHead']),
      count: 1,
    });
  return random.pick([
    ...own,
    () => fault({ kind: 'settlement-events', node: seller, how: 'drop', count }),
    () => fault({ kind: 'settlement-events', node: seller, how: 'repeat', count, times: random.between(1, 3) }),
    () => fault({ kind: 'settlement-events', node: seller, how: 'delay', count, delayMs: random.between(50, 1_500) }),
    () => fault({ kind: 'lose-reply', node: payer, method: random.pick(['pay', 'pay', 'lookupPayment', 'info']), count: 1 }),
    asSeller,
    (): Deed => ({ kind: 'fault', order: { kind: 'refuse', node: random.pick([seller, payer]), refuse: true }, untilMs }),
    () => fault({ kind: 'refuse-connections', count }),
    () => fault({ kind: 'restart' }),
    () => fault({ kind: 'hop-delay', delayMs: random.between(10, 400) }),
  ])();
}
