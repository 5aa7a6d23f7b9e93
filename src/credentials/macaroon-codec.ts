import { importMacaroon, type Macaroon } from 'macaroon';

const VERSION_2 = 2;
const END = 0;
const LOCATION = 1;
const IDENTIFIER = 2;
const VERIFICATION_ID = 4;
const SIGNATURE = 6;

/** A token longer than this is not one of ours, attenuated or not: refused before it costs anything. */
const MAX_BYTES = 4_096;
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

/**
 * The binary form of version 2 in base64, as L402 has it. (The package's own `exportBinary` doubles its buffer at every
 * field it writes: 400 MB for three caveats.)
 */
export function encodeMacaroon(token: Macaroon): string {
  const parts: Uint8Array[] = [Uint8Array.of(VERSION_2)];
  if (token.location) parts.push(...field(LOCATION, Buffer.from(token.location)));
  parts.push(...field(IDENTIFIER, token.identifier), Uint8Array.of(END));
  for (const caveat of token.caveats) {
    if (caveat.location) parts.push(...field(LOCATION, Buffer.from(caveat.location)));
    parts.push(...field(IDENTIFIER, caveat.identifier));
    if (caveat.vid !== undefined) parts.push(...field(VERIFICATION_ID, caveat.vid));
    parts.push(Uint8Array.of(END));
  }
  parts.push(Uint8Array.of(END), ...field(SIGNATURE, token.signature));
  return Buffer.concat(parts).toString('base64');
}

/**
 * Reads a token: base64 (the URL's alphabet and missing padding too) of version 2's binary form.
 * @throws Error when it is anything else; the message never repeats it.
 */
export function decodeMacaroon(token: string): Macaroon {
  if (token.length > Math.ceil(MAX_BYTES / 3) * 4) throw new Error('a token is at most 4 kB');
  const bytes = Buffer.from(token, 'base64');
  if (!BASE64.test(token) || bytes.toString('base64url') !== plain(token)) throw new Error('a token is base64');
  if (bytes[0] !== VERSION_2) throw new Error('a token is a macaroon, version 2');
  return importMacaroon(new Uint8Array(bytes));
}

function plain(token: string): string {
  return token.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_');
}

function field(type: number, data: Uint8Array): [Uint8Array, Uint8Array] {
  const head = [type];
  let length = data.length;
  for (; length >= 0x80; length >>>= 7) head.push((length & 0x7f) | 0x80);
  head.push(length);
  return [Uint8Array.from(head), data];
}
