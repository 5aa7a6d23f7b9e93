import { sha256 } from '@noble/hashes/sha2.js';
import { bech32, createBase58check } from '@scure/base';

const base58check = createBase58check(sha256);
/** Regtest's version bytes of pay-to-pubkey-hash and pay-to-script-hash. */
const LEGACY_VERSIONS: ReadonlySet<number> = new Set([0x6f, 0xc4]);

/**
 * An address as the simulated chain takes it. That knows SegWit alone: an address in the old form is somebody outside's in
 * any case, and becomes one of the same hash.
 */
export function toSimulatedAddress(address: string): string {
  try {
    const bytes = base58check.decode(address);
    if (bytes.length !== 21 || !LEGACY_VERSIONS.has(bytes[0] ?? 0)) return address;
    return bech32.encode('bcrt', [0, ...bech32.toWords(bytes.slice(1))]);
  } catch {
    return address;
  }
}

/** The output script of a SegWit address of version 0, in hex. */
export function scriptOf(address: string): string {
  const { words } = bech32.decode(address as `${string}1${string}`);
  const program = bech32.fromWords(words.slice(1));
  return `00${program.length.toString(16).padStart(2, '0')}${Buffer.from(program).toString('hex')}`;
}
