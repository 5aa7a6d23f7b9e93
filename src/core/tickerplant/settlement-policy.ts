import type { SettlementPolicy } from '../ports/ledger.ts';

/** Unless configured: a payment that comes late is honoured, and money that buys nothing lowers the price of the buyer's next quote. */
export const DEFAULT_SETTLEMENT_POLICY: SettlementPolicy = Object.freeze({
  late: 'honour',
  withdrawn: 'honour',
  overpaid: 'credit',
  underpaid: 'credit',
  duplicate: 'credit',
  tableGone: 'credit',
});
