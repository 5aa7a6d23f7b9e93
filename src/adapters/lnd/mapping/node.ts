import { sat } from '../../../core/lightning/amount.ts';
import type { NodeInfo } from '../../../core/lightning/backend.ts';
import type { Network } from '../../../core/lightning/common.ts';
import { LightningError } from '../../../core/lightning/errors.ts';
import { nodeId, txId } from '../../../core/lightning/identifiers.ts';
import type { WalletTransaction } from '../../../core/lightning/wallet.ts';
import type { LndInfo, LndTransaction } from '../schema/node.ts';

const NETWORKS: Readonly<Record<string, Network>> = {
  mainnet: 'mainnet',
  testnet: 'testnet',
  testnet3: 'testnet',
  testnet4: 'testnet4',
  signet: 'signet',
  simnet: 'simnet',
  regtest: 'regtest',
};

/** lnd about itself. @throws LightningError `PROTOCOL` for a network that we don't know. */
export function toNodeInfo(info: LndInfo): NodeInfo {
  const network = NETWORKS[info.chains[0]?.network ?? ''];
  if (network === undefined)
    throw new LightningError('PROTOCOL', `lnd is on an unknown network, ${info.chains[0]?.network}`, { operation: 'node.info' });
  return {
    network,
    nodeId: nodeId(info.identity_pubkey),
    alias: info.alias,
    version: info.version,
    blockHeight: info.block_height,
    synced: info.synced_to_chain,
    uris: info.uris,
  };
}

/** An on-chain transaction; lnd tells the fee only of those that it paid for. */
export function toTransaction(transaction: LndTransaction): WalletTransaction {
  return {
    txId: txId(transaction.tx_hash),
    deltaMsat: transaction.amount * 1000n,
    feeMsat: sat(transaction.total_fees),
    confirmations: transaction.num_confirmations,
    at: transaction.time_stamp === 0 ? undefined : transaction.time_stamp * 1000,
  };
}
