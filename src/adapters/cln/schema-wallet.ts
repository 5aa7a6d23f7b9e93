import { z } from 'zod';
import type { Msat } from '../../core/lightning/amount.ts';
import { hex32, msatField } from './schema.ts';

/** One on-chain output of `listfunds`. */
export interface ClnOutput {
  readonly txid: string;
  readonly output: number;
  readonly amount_msat: Msat;
  readonly status: string;
}

/** `listfunds`, its on-chain part. */
export const listFundsSchema: z.ZodType<{ readonly outputs: readonly ClnOutput[] }> = z.object({
  outputs: z.array(z.object({ txid: hex32, output: z.number(), amount_msat: msatField, status: z.string() })),
});

/** One transaction of `listtransactions`. */
export interface ClnTransaction {
  readonly hash: string;
  /** 0 while unconfirmed. */
  readonly blockheight: number;
  readonly inputs: readonly { readonly txid: string; readonly index: number }[];
  readonly outputs: readonly { readonly index: number; readonly amount_msat: Msat }[];
}

/** `listtransactions`. */
export const listTransactionsSchema: z.ZodType<{ readonly transactions: readonly ClnTransaction[] }> = z.object({
  transactions: z.array(
    z.object({
      hash: hex32,
      blockheight: z.number(),
      inputs: z.array(z.object({ txid: hex32, index: z.number() })),
      outputs: z.array(z.object({ index: z.number(), amount_msat: msatField })),
    }),
  ),
});

/** `newaddr`. */
export const newAddressSchema: z.ZodType<{ readonly bech32?: string | undefined; readonly p2tr?: string | undefined }> = z.object({
  bech32: z.string().optional(),
  p2tr: z.string().optional(),
});

/** `withdraw`. */
export const withdrawSchema: z.ZodType<{ readonly txid: string }> = z.object({ txid: hex32 });
