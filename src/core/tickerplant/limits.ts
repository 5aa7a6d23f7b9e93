/** What one buyer may take of a seller's machine and node: anyone can ask for invoices. */
export interface TickerplantLimits {
  /** Symbols in one request. */
  readonly symbolsPerRequest: number;
  /** Subscriptions that a connection holds at a time. */
  readonly subscriptionsPerConnection: number;
  /** Unpaid quotes that a connection holds at a time. */
  readonly openQuotesPerConnection: number;
  /** Quotes that an address may ask for at once after a pause. */
  readonly quoteBurstPerAddress: number;
  /** Quotes per second that an address may go on asking for. */
  readonly quotesPerSecondPerAddress: number;
}

/** The limits unless configured. */
export const DEFAULT_LIMITS: TickerplantLimits = Object.freeze({
  symbolsPerRequest: 5_000,
  subscriptionsPerConnection: 64,
  openQuotesPerConnection: 64,
  quoteBurstPerAddress: 100,
  quotesPerSecondPerAddress: 10,
});
