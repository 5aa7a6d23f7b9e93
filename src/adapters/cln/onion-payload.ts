import { Buffer } from 'node:buffer';
import type { Msat } from '../../core/lightning/amount.ts';
import { type NodeId, nodeId, type Preimage, type ShortChannelId, shortChannelId } from '../../core/lightning/identifiers.ts';
import type { ClnRoute } from './schema-payments.ts';

/** What goes over one channel of a route: the amount that arrives, and by when, in blocks from now. */
export interface Htlc {
  readonly nodeId: NodeId;
  readonly channel: ShortChannelId;
  readonly amountMsat: Msat;
  readonly cltvDelta: number;
}

/** bLIP 3's record of a spontaneous payment's preimage. */
const KEYSEND_RECORD = 5482373484n;

/**
 * The HTLCs of a route of `getroutes`. Since v26.06 each hop says what arrives at its end; before, what enters the next
 * one is the same.
 */
export function htlcsOf(route: ClnRoute): readonly Htlc[] {
  return route.path.map((hop, index) => {
    const next = route.path[index + 1];
    const end = hop.node_id_out ?? hop.next_node_id;
    if (end === undefined) throw new TypeError('a hop of a route without its end');
    return {
      nodeId: nodeId(end),
      channel: shortChannelId(hop.short_channel_id_dir.replace(/\/[01]$/, '')),
      amountMsat: hop.amount_out_msat ?? next?.amount_msat ?? route.amount_msat,
      cltvDelta: hop.cltv_out ?? next?.delay ?? route.final_cltv,
    };
  });
}

/** The onion payload of a hop that forwards over the next channel (BOLT 4, types 2, 4 and 6), with its length in front. */
export function forwardPayload(next: Htlc, height: number): Uint8Array {
  return withLength([
    record(2n, truncated(next.amountMsat)),
    record(4n, truncated(BigInt(height + next.cltvDelta))),
    record(6n, channelBytes(next.channel)),
  ]);
}

/** The onion payload of the destination of a keysend (BOLT 4, types 2 and 4; bLIP 3), with its length in front. */
export function keysendPayload(last: Htlc, height: number, secret: Preimage): Uint8Array {
  return withLength([
    record(2n, truncated(last.amountMsat)),
    record(4n, truncated(BigInt(height + last.cltvDelta))),
    record(KEYSEND_RECORD, Buffer.from(secret, 'hex')),
  ]);
}

function withLength(records: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(records);
  return Buffer.concat([bigSize(BigInt(body.length)), body]);
}

function record(type: bigint, value: Uint8Array): Uint8Array {
  return Buffer.concat([bigSize(type), bigSize(BigInt(value.length)), value]);
}

/** BOLT 1 BigSize. */
export function bigSize(value: bigint): Uint8Array {
  if (value < 0xfdn) return Uint8Array.of(Number(value));
  const bytes = value <= 0xffffn ? 2 : value <= 0xffff_ffffn ? 4 : 8;
  const out = Buffer.alloc(1 + bytes);
  out[0] = bytes === 2 ? 0xfd : bytes === 4 ? 0xfe : 0xff;
  for (let index = 0; index < bytes; index++) out[1 + index] = Number((value >> BigInt(8 * (bytes - 1 - index))) & 0xffn);
  return out;
}

/** BOLT 1 truncated integer: big-endian without leading zeros. */
export function truncated(value: bigint): Uint8Array {
  if (value === 0n) return new Uint8Array();
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}

function channelBytes(channel: ShortChannelId): Uint8Array {
  const [block = 0, transaction = 0, output = 0] = channel.split('x').map(Number);
  const packed = (BigInt(block) << 40n) | (BigInt(transaction) << 16n) | BigInt(output);
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(packed);
  return bytes;
}
