import type { Capabilities } from '../../core/lightning/capabilities.ts';

/**
 * What eclair can do over its API. Keysend (`sendtonode`) makes its preimage itself and tells it only when it is paid,
 * so that a crash would leave us not knowing which payment was ours: not offered. Fee caps are whole satoshi.
 */
export const eclairCapabilities: Capabilities = Object.freeze({
  holdInvoices: false,
  descriptionHash: true,
  ownPreimage: true,
  privateHints: true,
  finalCltvDelta: false,
  cancelInvoice: true,
  orderedSettlements: false,
  invoiceOnlyCredential: false,
  keysend: false,
  multiPart: true,
  feeCapStepMsat: 1000n,
  paymentRoute: true,
  pushOnOpen: true,
  persistentConnect: false,
  rebalance: false,
  forwards: true,
  closedChannels: true,
  transactionAmounts: true,
});
