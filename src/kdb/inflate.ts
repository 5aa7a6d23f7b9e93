import { Buffer } from 'node:buffer';
import { KdbCodecError } from './errors.ts';

const HEADER = 8;
/** A byte of flags tells eight things; the most that a thing of two bytes stands for is a repeat of 2 + 255 bytes. */
const MOST_PER_BYTE = 257;

/**
 * Inflates a compressed message: after the usual header stands the length that it will have (with its header), then bytes of
 * flags, each followed by eight things: a literal byte, or the hash of a pair of bytes seen before and how many more
 * follow from there. Answers the body, without a header.
 * Source: the kdb+ reference on IPC and its Java client.
 * @throws KdbCodecError `TOO_LARGE` before anything is allocated, `COMPRESSION`, `TRUNCATED`.
 */
export function inflate(message: Uint8Array, littleEndian: boolean, maxBytes: number): Uint8Array {
  if (message.length < HEADER + 4) throw new KdbCodecError('TRUNCATED', 'a compressed message without its length');
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const length = view.getUint32(HEADER, littleEndian);
  if (length > maxBytes) throw new KdbCodecError('TOO_LARGE', `inflates to ${length} bytes, at most ${maxBytes} are taken`);
  if (length <= HEADER) throw new KdbCodecError('COMPRESSION', 'inflates to nothing');
  // What can't be true need not be tried: it would be found out only after the memory had been taken.
  if (length > (message.length - HEADER - 4) * MOST_PER_BYTE + HEADER)
    throw new KdbCodecError('COMPRESSION', 'inflates to more than it can');
  return inflateBody(message.subarray(HEADER + 4), length - HEADER);
}

function inflateBody(input: Uint8Array, length: number): Uint8Array {
  const output = Buffer.alloc(length);
  /** Where the pair of bytes with this hash was last seen. */
  const seen = new Int32Array(256).fill(-1);
  let at = 0;
  let written = 0;
  let hashed = 0;
  let flags = 0;
  let bit = 0;
  const next = () => {
    const byte = input[at];
    if (byte === undefined) throw new KdbCodecError('TRUNCATED', 'compressed data that ends too early');
    at += 1;
    return byte;
  };
  const remember = (end: number) => {
    for (; hashed < end; hashed++) seen[(output[hashed] as number) ^ (output[hashed + 1] as number)] = hashed;
  };
  while (written < length) {
    if (bit === 0) {
      flags = next();
      bit = 1;
    }
    if ((flags & bit) === 0) {
      output[written] = next();
      written += 1;
      remember(written - 1);
    } else {
      const from = seen[next()] as number;
      const more = next();
      if (from < 0 || from + 2 > written) throw new KdbCodecError('COMPRESSION', 'a repeat of what was not there');
      if (written + 2 + more > length) throw new KdbCodecError('COMPRESSION', 'more data than was announced');
      // Byte by byte: what is repeated may reach into what is being written.
      for (let i = 0; i < 2; i++) output[written + i] = output[from + i] as number;
      written += 2;
      remember(written - 1);
      for (let i = 0; i < more; i++) output[written + i] = output[from + 2 + i] as number;
      written += more;
      hashed = written;
    }
    bit = bit === 128 ? 0 : bit << 1;
  }
  if (at !== input.length) throw new KdbCodecError('TRAILING', 'bytes after the compressed data');
  return output;
}
