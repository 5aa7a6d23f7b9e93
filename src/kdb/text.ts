import { Buffer, isUtf8 } from 'node:buffer';

/**
 * kdb+ knows bytes, not characters. What is well-formed UTF-8 is read as that, and everything else as Latin-1, so that old
 * feeds with `0xe9` for é can be read; what is written is UTF-8.
 */
export function textOf(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString(isUtf8(buffer) ? 'utf8' : 'latin1');
}

/** Text as the bytes of a char vector. */
export function bytesOf(text: string): Uint8Array {
  return Buffer.from(text, 'utf8');
}
