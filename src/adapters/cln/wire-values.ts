import type { Msat } from '../../core/lightning/amount.ts';

/** An amount for the wire: a plain number where JSON carries it exactly, else lightningd's text form. */
export function toWireMsat(amount: Msat): number | string {
  return amount <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(amount) : `${amount}msat`;
}

/** A fee rate for the wire, of whole satoshi per 1000 vbytes. */
export function toWireFeeRate(satPerVbyte: number): string {
  return `${Math.max(253, Math.round(satPerVbyte * 1000))}perkb`;
}
