import { type Message, readMessage } from '../../../../src/kdb/message.ts';
import type { K } from '../../../../src/kdb/types.ts';

/** Bytes of hex digits, with or without `0x`. */
export function hex(digits: string): Uint8Array {
  return Buffer.from(digits.replace(/^0x|\s/g, ''), 'hex');
}

/** Bytes as `-8!` shows them. */
export function shown(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString('hex')}`;
}

/** Reads a message with generous limits. */
export function read(bytes: Uint8Array): Message {
  return readMessage(bytes, { inflatedBytes: 2 ** 24 });
}

/** The compression of kdb+, as a peer does it: for whatever is worth it and what is not. Source: the kdb+ reference on IPC. */
export function compress(message: Uint8Array): Uint8Array {
  const body = message.subarray(8);
  const output: number[] = [];
  const seen = new Map<number, number>();
  let hashed = 0;
  let at = 0;
  while (at < body.length) {
    const flagsAt = output.length;
    output.push(0);
    for (let bit = 1; bit < 256 && at < body.length; bit <<= 1) {
      const hash = (body[at] as number) ^ (body[at + 1] ?? 0);
      const from = at + 1 < body.length ? seen.get(hash) : undefined;
      if (from !== undefined && body[from] === body[at] && body[from + 1] === body[at + 1]) {
        let more = 0;
        while (more < 255 && at + 2 + more < body.length && body[from + 2 + more] === body[at + 2 + more]) more += 1;
        output[flagsAt] = (output[flagsAt] as number) | bit;
        output.push(hash, more);
        for (; hashed < at + 1; hashed++) seen.set((body[hashed] as number) ^ (body[hashed + 1] as number), hashed);
        at += 2 + more;
        hashed = at;
      } else {
        output.push(body[at] as number);
        at += 1;
        for (; hashed < at - 1; hashed++) seen.set((body[hashed] as number) ^ (body[hashed + 1] as number), hashed);
      }
    }
  }
  const compressed = Buffer.alloc(12 + output.length);
  compressed.set(message.subarray(0, 4));
  compressed[2] = 1;
  const littleEndian = message[0] === 1;
  const view = new DataView(compressed.buffer, compressed.byteOffset, compressed.length);
  view.setUint32(4, compressed.length, littleEndian);
  view.setUint32(8, message.length, littleEndian);
  compressed.set(output, 12);
  return compressed;
}

/** A message as a big-endian machine sends it, made by another way than the codec's. */
export function bigEndian(kind: number, value: K): Uint8Array {
  const body = Buffer.from(bigEndianValue(value));
  const message = Buffer.alloc(8 + body.length);
  message[1] = kind;
  message.writeUInt32BE(message.length, 4);
  body.copy(message, 8);
  return message;
}

function bigEndianValue(value: K): number[] {
  const symbol = (text: string) => [...Buffer.from(text), 0];
  const int = (number: number) => [...Buffer.from(Int32Array.of(number).buffer).reverse()];
  const long = (number: bigint) => [...Buffer.from(BigInt64Array.of(number).buffer).reverse()];
  if (value.kind === 'list') return [0, 0, ...int(value.items.length), ...value.items.flatMap(bigEndianValue)];
  if (value.kind === 'vector' && value.type === 'char') return [10, 0, ...int(value.values.length), ...value.values];
  if (value.kind === 'vector' && value.type === 'symbol') return [11, 0, ...int(value.values.length), ...value.values.flatMap(symbol)];
  if (value.kind === 'vector' && value.type === 'long') return [7, 0, ...int(value.values.length), ...[...value.values].flatMap(long)];
  if (value.kind === 'atom' && value.type === 'symbol') return [245, ...symbol(value.value)];
  if (value.kind === 'atom' && value.type === 'long') return [249, ...long(value.value)];
  if (value.kind === 'atom' && value.type === 'int') return [250, ...int(value.value)];
  throw new Error(`not written for ${value.kind}`);
}
