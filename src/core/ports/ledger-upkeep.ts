import type { NodeIdentity } from '../lightning/backend.ts';

/** An end of day as it was recorded. */
export interface EndedDay {
  /** The trading date, `2026-11-20`. */
  readonly date: string;
  /** When it ended by the calendar, milliseconds since 1970. */
  readonly endsAt: number;
}

/** An end of day to be recorded. */
export interface EndDay extends EndedDay {
  readonly now: number;
  /** Subscriptions that are live and will be told: noted in the same transaction, so that nobody is told twice. */
  readonly told: readonly string[];
  /** Where a new ledger begins: recorded, but nobody is ever told. */
  readonly silent: boolean;
}

/** Which subscription: by its id, or by what its token says of itself. */
export type SubscriptionName = { readonly subscription: string } | { readonly tokenId: string };

/** A subscription whose token is not taken any more. */
export interface Revocation {
  readonly subscription: string;
  /** Milliseconds since 1970. */
  readonly revokedAt: number;
  /** False: it had been revoked before, and this changed nothing. */
  readonly fresh: boolean;
  /** Quotes that were open and are withdrawn with it. */
  readonly withdrawn: readonly string[];
}

/** What the ledger remembers beside who paid for what. Part of the ledger: every word of its contract holds here too. */
export interface LedgerUpkeep {
  /** Records that a day has ended; false, and nothing is changed, where this one or a later one had been recorded. */
  endDay(command: EndDay): Promise<boolean>;
  /** The last day that has ended; undefined in a new ledger. */
  lastDay(): Promise<EndedDay | undefined>;
  /**
   * The end of day that a subscription is still to be told, and notes that it is; undefined where there is none. `heard`: the last date
   * that the buyer says it was told, which counts for more than what was noted: a message may have been lost on its way.
   */
  takeEndOfDay(subscription: string, heard?: string): Promise<string | undefined>;
  /** The highest epoch that rows were numbered in; 0 before the first. */
  highestEpoch(): Promise<number>;
  /** Notes that rows are about to be numbered in an epoch. */
  noteEpoch(epoch: number): Promise<void>;
  /** Ends a subscription's token for good and withdraws its open quotes; undefined where there is no such subscription. */
  revoke(name: SubscriptionName, now: number): Promise<Revocation | undefined>;
  /**
   * Forgets a node's quotes that ran out or were withdrawn before a time, were never paid, and whose invoice is closed at the node, with
   * subscriptions that then have nothing left. Answers how many quotes; at most `limit`.
   */
  pruneQuotes(node: NodeIdentity, before: number, limit: number): Promise<number>;
}
