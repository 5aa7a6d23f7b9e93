import { MAX_DESCRIPTION_BYTES } from '../lightning/invoice.ts';

const ELLIPSIS = '…';

/** A text as an invoice's description: without control characters, cut between characters to what BOLT 11 can hold. */
export function memoOf(text: string): string {
  const plain = text
    .replaceAll(/\p{Cc}+/gu, ' ')
    .toWellFormed()
    .trim();
  if (Buffer.byteLength(plain) <= MAX_DESCRIPTION_BYTES) return plain;
  const bytes = Buffer.from(plain);
  let end = MAX_DESCRIPTION_BYTES - Buffer.byteLength(ELLIPSIS);
  // A UTF-8 continuation byte is 10xxxxxx.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString() + ELLIPSIS;
}
