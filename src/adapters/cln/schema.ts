import { z } from 'zod';
import { MAX_MSAT, type Msat, msat } from '../../core/lightning/amount.ts';

/**
 * An amount as lightningd writes it: a number of msat, or `"1000msat"`. What is more than can exist is refused, and
 * with it what JSON could not carry exactly.
 */
export const msatField: z.ZodType<Msat> = z.union([z.number(), z.string()]).transform((value, context): Msat => {
  const digits = typeof value === 'number' ? String(value) : value.replace(/msat$/, '');
  if (/^\d{1,19}$/.test(digits) && BigInt(digits) <= MAX_MSAT) return msat(BigInt(digits));
  context.addIssue({ code: 'custom', message: 'not an amount in msat' });
  return z.NEVER;
});

/** 64 hex digits: a hash, a preimage, a transaction's or channel's id. */
export const hex32: z.ZodType<string> = z.string().regex(/^[0-9a-f]{64}$/i, 'not 64 hex digits');

/** A node's compressed public key in hex. */
export const nodeKey: z.ZodType<string> = z.string().regex(/^0[23][0-9a-f]{64}$/i, "not a node's key");

/** Where a node listens or is announced. */
export interface ClnAddress {
  readonly type: string;
  readonly address?: string | undefined;
  readonly port?: number | undefined;
}

/** `getinfo`. */
export interface GetInfo {
  readonly id: string;
  readonly alias: string;
  readonly version: string;
  readonly blockheight: number;
  readonly network: string;
  readonly address: readonly ClnAddress[];
  readonly binding: readonly ClnAddress[];
  readonly warning_bitcoind_sync?: string | undefined;
  readonly warning_lightningd_sync?: string | undefined;
}

const address = z.object({ type: z.string(), address: z.string().optional(), port: z.number().optional() });

/** See {@link GetInfo}. */
export const getInfoSchema: z.ZodType<GetInfo> = z.object({
  id: nodeKey,
  alias: z.string(),
  version: z.string(),
  blockheight: z.number(),
  network: z.string(),
  address: z.array(address).default([]),
  binding: z.array(address).default([]),
  warning_bitcoind_sync: z.string().optional(),
  warning_lightningd_sync: z.string().optional(),
});

/** Versions that were looked at: 25.x and 26.x. Others work as long as their answers fit. */
export function knownVersion(version: string): boolean {
  const year = /^v?(\d+)\./.exec(version)?.[1];
  return year === '25' || year === '26';
}

/** Whether a version is at least `year.month`; one that can't be read is taken for a new one. */
export function atLeast(version: string | undefined, year: number, month: number): boolean {
  const found = /^v?(\d+)\.(\d+)/.exec(version ?? '');
  if (found === null) return true;
  return Number(found[1]) * 100 + Number(found[2]) >= year * 100 + month;
}

/** `decode`, whatever it is that was decoded. */
export interface ClnDecoded {
  readonly type: string;
  readonly valid: boolean;
}

/** See {@link ClnDecoded}; the rest of the answer is kept for {@link decodedBolt11Schema}. */
export const decodedSchema: z.ZodType<ClnDecoded> = z.looseObject({ type: z.string(), valid: z.boolean() });

/** `decode` of a valid BOLT 11 invoice. */
export interface ClnDecodedBolt11 {
  readonly currency: string;
  readonly created_at: number;
  readonly expiry: number;
  readonly payee: string;
  readonly amount_msat?: Msat | undefined;
  readonly description?: string | undefined;
  readonly description_hash?: string | undefined;
  readonly min_final_cltv_expiry: number;
  readonly payment_hash: string;
  readonly routes: readonly (readonly {
    readonly pubkey: string;
    readonly short_channel_id: string;
    readonly fee_base_msat: Msat;
    readonly fee_proportional_millionths: number;
    readonly cltv_expiry_delta: number;
  }[])[];
}

/** See {@link ClnDecodedBolt11}. */
export const decodedBolt11Schema: z.ZodType<ClnDecodedBolt11> = z.object({
  currency: z.string(),
  created_at: z.number(),
  expiry: z.number(),
  payee: nodeKey,
  amount_msat: msatField.optional(),
  description: z.string().optional(),
  description_hash: hex32.optional(),
  min_final_cltv_expiry: z.number(),
  payment_hash: hex32,
  routes: z
    .array(
      z.array(
        z.object({
          pubkey: nodeKey,
          short_channel_id: z.string(),
          fee_base_msat: msatField,
          fee_proportional_millionths: z.number(),
          cltv_expiry_delta: z.number(),
        }),
      ),
    )
    .default([]),
});

/** An answer whose content does not matter. */
export const anythingSchema: z.ZodType<unknown> = z.unknown();
