import type { Capabilities } from '../../../core/lightning/capabilities.ts';

/** The simulated node can do everything, but its socket file is a credential for all of it. */
export const simulatedCapabilities: Capabilities = Object.freeze({
  holdInvoices: true,
  descriptionHash: true,
  ownPreimage: true,
  privateHints: true,
  finalCltvDelta: true,
  cancelInvoice: true,
  orderedSettlements: true,
  invoiceOnlyCredential: false,
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
