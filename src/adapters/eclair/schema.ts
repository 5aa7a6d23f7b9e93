import { z } from 'zod';
import { MAX_MSAT, MSAT_PER_SAT, type Msat, msat, sat } from '../../core/lightning/amount.ts';

/** An amount in msat, a whole number. */
export const msatField: z.ZodType<Msat> = z
  .int()
  .min(0)
  .refine((value) => BigInt(value) <= MAX_MSAT)
  .transform((value) => msat(BigInt(value)));

/** An amount in sat, a whole number. */
export const satField: z.ZodType<Msat> = z
  .int()
  .min(0)
  .refine((value) => BigInt(value) * MSAT_PER_SAT <= MAX_MSAT)
  .transform((value) => sat(BigInt(value)));

/** 64 hex digits: a hash, a preimage, a transaction's or channel's id. */
export const hex32: z.ZodType<string> = z.string().regex(/^[0-9a-f]{64}$/i, 'not 64 hex digits');

/** A node's compressed public key in hex. */
export const nodeKey: z.ZodType<string> = z.string().regex(/^0[23][0-9a-f]{64}$/i, "not a node's key");

/** A moment: seconds since 1970, and the same as text, which holds the milliseconds. In milliseconds here. */
export const timeField: z.ZodType<number> = z.object({ iso: z.string(), unix: z.number() }).transform(({ iso, unix }) => {
  const exact = Date.parse(iso);
  return Number.isNaN(exact) ? unix * 1000 : exact;
});

/** A text, whatever it says: failures come as texts with status 200. */
export const textSchema: z.ZodType<string> = z.string();

/** An answer whose content does not matter. */
export const anythingSchema: z.ZodType<unknown> = z.unknown();

/** An id in the text form of RFC 9562. */
export const uuidSchema: z.ZodType<string> = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i);

/** `getinfo`. */
export interface GetInfo {
  readonly version: string;
  readonly nodeId: string;
  readonly alias: string;
  readonly network: string;
  readonly blockHeight: number;
  readonly publicAddresses: readonly string[];
}

/** See {@link GetInfo}. */
export const getInfoSchema: z.ZodType<GetInfo> = z.object({
  version: z.string(),
  nodeId: nodeKey,
  alias: z.string(),
  network: z.string(),
  blockHeight: z.number(),
  publicAddresses: z.array(z.string()).default([]),
});

/** Versions that were looked at: 0.13 and 0.14. Others work as long as their answers fit. */
export function knownVersion(version: string): boolean {
  return /^v?0\.1[34]\./.test(version);
}

/** One peer of `peers`. */
export interface EclairPeer {
  readonly nodeId: string;
  readonly state: string;
  readonly address?: string | undefined;
  readonly channels: number;
}

/** `peers`. */
export const peersSchema: z.ZodType<readonly EclairPeer[]> = z.array(
  z.object({ nodeId: nodeKey, state: z.string(), address: z.string().optional(), channels: z.number().default(0) }),
);

/** `onchainbalance`, in sat there. */
export interface EclairOnchainBalance {
  readonly confirmed: Msat;
  readonly unconfirmed: Msat;
}

/** See {@link EclairOnchainBalance}. */
export const onchainBalanceSchema: z.ZodType<EclairOnchainBalance> = z.object({ confirmed: satField, unconfirmed: satField });

/** One entry of `onchaintransactions`: bitcoind's `listtransactions`, an entry an address; in sat, negative where it left. */
export interface EclairOnchainEntry {
  readonly address: string;
  readonly amount: number;
  readonly fees: number;
  readonly confirmations: number;
  readonly txid: string;
  readonly timestamp: number;
}

/** `onchaintransactions`. */
export const onchainTransactionsSchema: z.ZodType<readonly EclairOnchainEntry[]> = z.array(
  z.object({
    address: z.string(),
    amount: z.int(),
    fees: z.int(),
    confirmations: z.number(),
    txid: hex32,
    timestamp: z.number(),
  }),
);

/** `usablebalances`. */
export const usableBalancesSchema: z.ZodType<readonly { readonly canSend: Msat }[]> = z.array(z.object({ canSend: msatField }));

/** `signmessage`. */
export const signatureSchema: z.ZodType<{ readonly signature: string }> = z.object({ signature: z.string().regex(/^[0-9a-f]{64,}$/i) });
