import type { Msat } from '../core/lightning/amount.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { Logger } from '../core/ports/logger.ts';
import type { Random } from '../core/ports/random.ts';
import type { Pricing } from '../core/tickerplant/schema.ts';
import type { BackoffOptions } from './backoff.ts';
import type { Payer } from './quote-check.ts';
import type { SubscriberState } from './state.ts';

/** What to subscribe to, what with, and how much it may cost. */
export interface SubscriberOptions {
  /** The tickerplant's WebSocket, `ws://…` or `wss://…`. */
  readonly url: string;
  /** Certificates in PEM that a `wss://` server's is believed by, instead of those that the machine trusts. One that can't be believed is refused. */
  readonly ca?: string | Uint8Array;
  /** A table, or `'*'` for every one. */
  readonly table: string;
  /** Symbols, or `'*'` for all that there are at the quote. */
  readonly syms: readonly string[] | '*';
  /** Which kind of pricing, where the seller gives a choice; the table's first unless given. */
  readonly pricing?: Pricing['kind'];
  /** Whether the last row of each symbol comes as a `snapshot` event when a payment takes effect; true unless given. */
  readonly snapshot?: boolean;
  /** Pays. Without it the `quote` event's invoice is for somebody else to pay, and is waited for. */
  readonly backend?: Payer;
  /** All that may ever be spent with this state, fees and renewals included. */
  readonly budgetMsat: Msat;
  /** The most that one payment's routing may cost; part of the budget. Left out: 1 % of the price, at least 10 sat. */
  readonly maxFeeMsat?: Msat;
  /** What it remembers: `openStateDirectory`, or `memoryState` for as long as the process lasts. */
  readonly state: SubscriberState;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger?: Logger;
  /** Ends the subscriber; the events then end without an error. */
  readonly signal?: AbortSignal;
  /** Pays one invoice only: no renewal of what is paid for a time, no top-up of what is prepaid for single rows. */
  readonly once?: boolean;
  /** Buys again when what was bought is over. */
  readonly renew?: boolean;
  /**
   * `auto` (unless given): an event's rows count as taken in when the next event is asked for. `manual`: whoever reads
   * commits to the state itself, as `StateDirectory.output` does together with what it writes.
   */
  readonly commit?: 'auto' | 'manual';
  /** While nothing is paid, a server or wallet that stays away for so long is given up. 60 s unless given; `Infinity`: never. */
  readonly giveUpMs?: number;
  /** Silence after which the server is asked for a sign of life; three times that ends the connection. 10 s unless given. */
  readonly heartbeatMs?: number;
  /** How long a payment is waited for at a time, before it is looked up. 60 s unless given. */
  readonly payTimeoutMs?: number;
  /** Waits between attempts; from 100 ms to 10 s unless given. */
  readonly backoff?: BackoffOptions;
}

/** The options with every default filled in. */
export type SubscriptionOptions = SubscriberOptions &
  Required<Pick<SubscriberOptions, 'giveUpMs' | 'heartbeatMs' | 'payTimeoutMs' | 'backoff' | 'signal' | 'logger'>>;
