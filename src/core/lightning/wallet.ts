import type { Msat } from './amount.ts';
import type { CallOptions, Page, PageRequest } from './common.ts';
import type { TxId } from './identifiers.ts';

/** The node's on-chain money. Amounts are whole satoshi. */
export interface WalletBalance {
  readonly confirmedMsat: Msat;
  readonly unconfirmedMsat: Msat;
}

/** A transaction that touches the wallet. */
export interface WalletTransaction {
  readonly txId: TxId;
  /** What it changed, negative where we paid; undefined where the node does not tell. In msat, whole satoshi. */
  readonly deltaMsat: bigint | undefined;
  readonly feeMsat: Msat | undefined;
  /** 0 while unconfirmed. */
  readonly confirmations: number;
  readonly at: number | undefined;
}

/** On-chain money. */
export interface Wallet {
  /** A fresh address, SegWit unless the node can't. */
  newAddress(options?: CallOptions): Promise<string>;
  balance(options?: CallOptions): Promise<WalletBalance>;
  /** Transactions in pages; the order is the node's. */
  transactions(request?: PageRequest, options?: CallOptions): Promise<Page<WalletTransaction>>;
  /**
   * Sends to an address.
   * @throws LightningError `INSUFFICIENT_FUNDS`, `INVALID_ARGUMENT` (address, fraction of a satoshi).
   */
  send(
    request: { readonly address: string; readonly amountMsat: Msat; readonly feeRateSatPerVbyte?: number },
    options?: CallOptions,
  ): Promise<{ readonly txId: TxId }>;
}
