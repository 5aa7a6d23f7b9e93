import type { ShortChannelId, TxId } from '../../../src/core/lightning/identifiers.ts';

/** A message of lnd's protocol as proto-loader takes and gives it: 64-bit numbers as text, enumerations by name, bytes as buffers. */
export type Message = Readonly<Record<string, unknown>>;

const MSAT_PER_SAT = 1000n;

/** Whole satoshi of an amount, rounded down as lnd does. */
export function satOf(msat: bigint): string {
  return (msat / MSAT_PER_SAT).toString();
}

/** An amount in both units, as `lnrpc.Amount`. */
export function amountOf(msat: bigint): Message {
  return { sat: satOf(msat), msat: msat.toString() };
}

/** Seconds since 1970. */
export function secondsOf(ms: number | undefined): string {
  return String(Math.floor((ms ?? 0) / 1000));
}

/** Nanoseconds since 1970. */
export function nanosecondsOf(ms: number | undefined): string {
  return (BigInt(Math.floor(ms ?? 0)) * 1_000_000n).toString();
}

/** A short channel id as one number (BOLT 7): block, transaction and output in 3, 3 and 2 bytes. None is 0. */
export function channelNumber(id: ShortChannelId | undefined): string {
  if (id === undefined) return '0';
  const [block = 0, transaction = 0, output = 0] = id.split('x').map(Number);
  const bytes = Buffer.alloc(8);
  bytes.writeUIntBE(block, 0, 3);
  bytes.writeUIntBE(transaction, 3, 3);
  bytes.writeUIntBE(output, 6, 2);
  return bytes.readBigUInt64BE().toString();
}

/** {@link channelNumber} backwards. */
export function shortIdOf(number: string | number): ShortChannelId {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(number));
  return `${bytes.readUIntBE(0, 3)}x${bytes.readUIntBE(3, 3)}x${bytes.readUIntBE(6, 2)}` as ShortChannelId;
}

/** A transaction id in the byte order that it is hashed in. */
export function internalBytes(txId: TxId): Buffer {
  return Buffer.from(txId, 'hex').reverse();
}

/** Hex as bytes; nothing as no bytes. */
export function bytesOf(hex: string | undefined): Buffer {
  return Buffer.from(hex ?? '', 'hex');
}

/**
 * The keys of a map with 64-bit keys. The protobuf library reads them as the number's eight bytes, lowest first, one a character.
 */
export function entriesOf<T>(map: Readonly<Record<string, T>> | undefined): readonly (readonly [bigint, T])[] {
  return Object.entries(map ?? {}).map(([key, value]) => [
    key.length === 8 ? Buffer.from(key, 'latin1').readBigUInt64LE() : BigInt(key),
    value,
  ]);
}
