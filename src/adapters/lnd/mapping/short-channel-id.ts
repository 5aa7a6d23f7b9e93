import { type ShortChannelId, shortChannelId } from '../../../core/lightning/identifiers.ts';

/** lnd's 64-bit number (block 24 bits, transaction 24, output 16; BOLT 7) as `block x transaction x output`; 0 is none. */
export function toShortChannelId(chanId: string): ShortChannelId | undefined {
  const id = BigInt(chanId);
  return id === 0n ? undefined : shortChannelId(`${id >> 40n}x${(id >> 16n) & 0xff_ffffn}x${id & 0xffffn}`);
}

/** The number that lnd has for it. */
export function toChanId(channel: ShortChannelId): string {
  const [block = '0', transaction = '0', output = '0'] = channel.split('x');
  return ((BigInt(block) << 40n) | (BigInt(transaction) << 16n) | BigInt(output)).toString();
}
