import type { Capabilities } from '../../core/lightning/capabilities.ts';

/**
 * What Core Lightning can do over its own RPC, without plugins of others. Hold invoices need such a plugin. An invoice
 * for the hash of a description needs the description itself (`deschashonly`), which the port does not hand over.
 */
export const clnCapabilities: Capabilities = Object.freeze({
  holdInvoices: false,
  descriptionHash: false,
  ownPreimage: true,
  privateHints: true,
  finalCltvDelta: true,
  cancelInvoice: true,
  orderedSettlements: true,
  invoiceOnlyCredential: false,
  keysend: true,
  multiPart: true,
  feeCapStepMsat: 1n,
  paymentRoute: false,
  pushOnOpen: true,
  persistentConnect: false,
  rebalance: false,
  forwards: true,
  closedChannels: true,
  transactionAmounts: true,
});
