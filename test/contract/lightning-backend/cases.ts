import type { ContractCase } from '../case.ts';
import { channelCases } from './channels.ts';
import { failureCases } from './failures.ts';
import { invoiceCases } from './invoices.ts';
import { nodeCases } from './node.ts';
import { paymentCases } from './payments.ts';
import { peerCases, walletCases } from './peers-and-wallet.ts';
import { settlementCases } from './settlements.ts';

/** What every backend guarantees. */
export const lightningBackendCases: readonly ContractCase[] = [
  ...nodeCases,
  ...invoiceCases,
  ...settlementCases,
  ...paymentCases,
  ...peerCases,
  ...walletCases,
  ...channelCases,
  ...failureCases,
];
