import { sha256 } from '@noble/hashes/sha2.js';
import { bech32, bech32m, createBase58check } from '@scure/base';
import type { Network } from '../../core/lightning/common.ts';

const base58check = createBase58check(sha256);

const SEGWIT_PREFIX: Readonly<Record<Network, string>> = {
  mainnet: 'bc',
  testnet: 'tb',
  testnet4: 'tb',
  signet: 'tb',
  simnet: 'sb',
  regtest: 'bcrt',
};

/** Version bytes of pay-to-pubkey-hash and pay-to-script-hash. */
const BASE58_VERSIONS: Readonly<Record<Network, readonly number[]>> = {
  mainnet: [0x00, 0x05],
  testnet: [0x6f, 0xc4],
  testnet4: [0x6f, 0xc4],
  signet: [0x6f, 0xc4],
  simnet: [0x3f, 0x7b],
  regtest: [0x6f, 0xc4],
};

/** Whether a text is an address of a network: base58check, or SegWit by BIP 173 and BIP 350. */
export function isBitcoinAddress(text: string, network: Network): boolean {
  return isSegwit(text, network) || isBase58(text, network);
}

function isSegwit(text: string, network: Network): boolean {
  for (const [codec, isVersion] of [
    [bech32, (version: number) => version === 0],
    [bech32m, (version: number) => version >= 1 && version <= 16],
  ] as const) {
    const decoded = codec.decodeUnsafe(text as `${string}1${string}`, 90);
    const version = decoded?.words[0];
    if (decoded === undefined || version === undefined || !isVersion(version)) continue;
    const program = codec.fromWordsUnsafe(decoded.words.slice(1));
    if (!(program instanceof Uint8Array)) continue;
    const fits = version === 0 ? program.length === 20 || program.length === 32 : program.length >= 2 && program.length <= 40;
    if (decoded.prefix === SEGWIT_PREFIX[network] && fits) return true;
  }
  return false;
}

function isBase58(text: string, network: Network): boolean {
  try {
    const bytes = base58check.decode(text);
    return bytes.length === 21 && BASE58_VERSIONS[network].includes(bytes[0] ?? -1);
  } catch {
    return false;
  }
}
