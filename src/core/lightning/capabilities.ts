/**
 * What a backend can do. Frozen data, true both ways: what is declared works, what is not is refused with `UNSUPPORTED`.
 * The contract suite skips by these alone, and checks each of them.
 */
export interface Capabilities {
  /** Invoices whose payment waits for settle or cancel. */
  readonly holdInvoices: boolean;
  /** Invoices made for the hash of a longer description. */
  readonly descriptionHash: boolean;
  /** Invoices with a preimage of the caller's own. */
  readonly ownPreimage: boolean;
  /** Invoices with route hints for private channels on request. */
  readonly privateHints: boolean;
  /** Invoices of a chosen final CLTV delta. */
  readonly finalCltvDelta: boolean;
  /** An invoice can be withdrawn before it expires. */
  readonly cancelInvoice: boolean;
  /** Settlements come in an order of the node's own. Without: in that of first observation. */
  readonly orderedSettlements: boolean;
  /** A credential exists that can make and follow invoices and nothing else. */
  readonly invoiceOnlyCredential: boolean;
  /** Payments without invoice. */
  readonly keysend: boolean;
  /** Large payments are split over channels. */
  readonly multiPart: boolean;
  /** What a fee cap is rounded down to, in msat: 1 or 1000. */
  readonly feeCapStepMsat: bigint;
  /** The route that a payment took is told. */
  readonly paymentRoute: boolean;
  /** A push amount can be given on open. */
  readonly pushOnOpen: boolean;
  /** Connections that the node keeps up on request. */
  readonly persistentConnect: boolean;
  /** Circular payments over chosen channels. */
  readonly rebalance: boolean;
  /** Forwards are listed. */
  readonly forwards: boolean;
  /** Closed channels are listed. */
  readonly closedChannels: boolean;
  /** Wallet transactions tell amount and fee. */
  readonly transactionAmounts: boolean;
}
