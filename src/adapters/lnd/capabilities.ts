import type { Capabilities } from '../../core/lightning/capabilities.ts';

/** What lnd can do, from 0.18 on. */
export const LND_CAPABILITIES: Capabilities = Object.freeze({
  holdInvoices: true,
  descriptionHash: true,
  ownPreimage: true,
  privateHints: true,
  finalCltvDelta: true,
  cancelInvoice: true,
  orderedSettlements: true,
  invoiceOnlyCredential: true,
  keysend: true,
  multiPart: true,
  feeCapStepMsat: 1n,
  paymentRoute: true,
  pushOnOpen: true,
  persistentConnect: true,
  rebalance: true,
  forwards: true,
  closedChannels: true,
  transactionAmounts: true,
});
