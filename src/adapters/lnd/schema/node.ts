import { z } from 'zod';
import { int64, seconds } from './scalars.ts';

/** `lnrpc.GetInfoResponse` */
export interface LndInfo {
  readonly version: string;
  readonly identity_pubkey: string;
  readonly alias: string;
  readonly block_height: number;
  readonly synced_to_chain: boolean;
  readonly chains: readonly { readonly network: string }[];
  readonly uris: readonly string[];
}

/** Reads {@link LndInfo}. */
export const lndInfo: z.ZodType<LndInfo> = z.object({
  version: z.string(),
  identity_pubkey: z.string(),
  alias: z.string(),
  block_height: z.number(),
  synced_to_chain: z.boolean(),
  chains: z.array(z.object({ network: z.string() })),
  uris: z.array(z.string()),
});

/** `lnrpc.ListPeersResponse` */
export interface LndPeerList {
  readonly peers: readonly { readonly pub_key: string; readonly address: string; readonly inbound: boolean }[];
}

/** Reads {@link LndPeerList}. */
export const lndPeers: z.ZodType<LndPeerList> = z.object({
  peers: z.array(z.object({ pub_key: z.string(), address: z.string(), inbound: z.boolean() })),
});

/** Reads `lnrpc.NewAddressResponse`. */
export const lndAddress: z.ZodType<{ readonly address: string }> = z.object({ address: z.string().min(1) });

/** Reads `lnrpc.WalletBalanceResponse`; satoshi. */
export const lndWalletBalance: z.ZodType<{ readonly confirmed_balance: bigint; readonly unconfirmed_balance: bigint }> = z.object({
  confirmed_balance: int64,
  unconfirmed_balance: int64,
});

/** `lnrpc.Transaction`; satoshi, seconds since 1970. */
export interface LndTransaction {
  readonly tx_hash: string;
  readonly amount: bigint;
  readonly num_confirmations: number;
  readonly time_stamp: number;
  readonly total_fees: bigint;
}

/** Reads `lnrpc.TransactionDetails`. */
export const lndTransactions: z.ZodType<{ readonly transactions: readonly LndTransaction[] }> = z.object({
  transactions: z.array(
    z.object({ tx_hash: z.string(), amount: int64, num_confirmations: z.number(), time_stamp: seconds, total_fees: int64 }),
  ),
});

/** Reads `lnrpc.SendCoinsResponse`. */
export const lndSent: z.ZodType<{ readonly txid: string }> = z.object({ txid: z.string() });
