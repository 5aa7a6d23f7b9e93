import { type Msat, msat, sat } from '../../../core/lightning/amount.ts';
import type { ChainRecord } from './records.ts';
import type { NetworkState } from './state.ts';

/** What a block brings the miner beside the fees: 50 bitcoin, as on regtest before the first halving. */
export const BLOCK_SUBSIDY: Msat = sat(5_000_000_000);

/** A chain begins with as many blocks, so that the first subsidy can be spent. */
const FIRST_HEIGHT = 101;

/** The chain's record, made with its first blocks where there is none. Call in a transaction. */
export function ensureChain(state: NetworkState): ChainRecord {
  const known = state.tables.chain.get('chain');
  if (known !== undefined) return known;
  const mined = msat(BLOCK_SUBSIDY * BigInt(FIRST_HEIGHT));
  const chain: ChainRecord = {
    height: FIRST_HEIGHT,
    minedMsat: mined,
    minerMsat: mined,
    feesMsat: msat(0),
    externalMsat: msat(0),
    starts: 0,
    nodeCount: 0,
    transactionCount: 0,
  };
  state.tables.chain.put('chain', chain);
  return chain;
}
