import { createHash } from 'node:crypto';

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** SHA-256 of a preimage, 64 lower-case hex digits (BOLT 11 field `p`). */
export type PaymentHash = Branded<'PaymentHash'>;
/** The secret whose release settles a payment, 64 lower-case hex digits (BOLT 2). Never logged. */
export type Preimage = Branded<'Preimage'>;
/** A node's compressed public key, 66 lower-case hex digits (BOLT 1). */
export type NodeId = Branded<'NodeId'>;
/** A transaction id in the byte order that people paste and block explorers show, 64 lower-case hex digits. */
export type TxId = Branded<'TxId'>;
/** A transaction output, `txid:index`; names a channel by its funding output. */
export type Outpoint = Branded<'Outpoint'>;
/** Block, transaction and output of a confirmed channel as `700123x4x1` (BOLT 7). */
export type ShortChannelId = Branded<'ShortChannelId'>;

function parse<T>(name: string, pattern: RegExp): (text: string) => T {
  return (text) => {
    const value = text.toLowerCase();
    if (!pattern.test(value)) throw new TypeError(`not a ${name}`);
    return value as T;
  };
}

/** Reads a payment hash. @throws TypeError when it is not 64 hex digits. */
export const paymentHash: (text: string) => PaymentHash = parse('payment hash', /^[0-9a-f]{64}$/);
/** Reads a preimage; the error never repeats it. @throws TypeError when it is not 64 hex digits. */
export const preimage: (text: string) => Preimage = parse('preimage', /^[0-9a-f]{64}$/);
/** Reads a node's public key. @throws TypeError when it is not a compressed key in hex. */
export const nodeId: (text: string) => NodeId = parse('node id', /^0[23][0-9a-f]{64}$/);
/** Reads a transaction id as people paste it. @throws TypeError when it is not 64 hex digits. */
export const txId: (text: string) => TxId = parse('transaction id', /^[0-9a-f]{64}$/);
/** Reads `txid:index`. @throws TypeError when it is anything else. */
export const outpoint: (text: string) => Outpoint = parse('outpoint', /^[0-9a-f]{64}:\d{1,10}$/);
/** Reads `block x transaction x output`. @throws TypeError when it is anything else. */
export const shortChannelId: (text: string) => ShortChannelId = parse('short channel id', /^\d{1,8}x\d{1,8}x\d{1,5}$/);

/** The payment hash that a preimage settles. */
export function hashOfPreimage(secret: Preimage): PaymentHash {
  return createHash('sha256').update(secret, 'hex').digest('hex') as PaymentHash;
}

/**
 * A transaction id from the order that lnd's byte fields have it in (base64 or bytes) to the order people paste:
 * the same bytes backwards. What the whitepaper's `.lnd.decodeTxid` does.
 */
export function txIdFromInternalBytes(bytes: Uint8Array | string): TxId {
  const raw = typeof bytes === 'string' ? Buffer.from(bytes, 'base64') : Buffer.from(bytes);
  return txId(raw.reverse().toString('hex'));
}
