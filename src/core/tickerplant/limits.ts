/** What one buyer may take of a seller's machine and node: anyone can ask for invoices. */
export interface TickerplantLimits {
  /** Symbols in one request. */
  readonly symbolsPerRequest: number;
  /** Subscriptions that a connection holds at a time. */
  readonly subscriptionsPerConnection: number;
  /** Unpaid quotes that a connection holds at a time. */
  readonly openQuotesPerConnection: number;
  /** Unpaid quotes at a time, whoever asked for them. */
  readonly openQuotes: number;
  /** Unpaid quotes at a time that an address has asked for, over all its connections. Not for this machine's own addresses. */
  readonly openQuotesPerAddress: number;
  /** Connections at a time of an address. Not for this machine's own addresses. */
  readonly connectionsPerAddress: number;
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
  openQuotes: 10_000,
  openQuotesPerAddress: 256,
  connectionsPerAddress: 256,
  quoteBurstPerAddress: 100,
  quotesPerSecondPerAddress: 10,
});
