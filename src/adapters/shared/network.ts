import { z } from 'zod';
import type { Network } from '../../core/lightning/common.ts';
import { LightningError } from '../../core/lightning/errors.ts';

const NAMES: Readonly<Record<string, Network>> = {
  bitcoin: 'mainnet',
  mainnet: 'mainnet',
  testnet: 'testnet',
  testnet3: 'testnet',
  testnet4: 'testnet4',
  signet: 'signet',
  simnet: 'simnet',
  regtest: 'regtest',
};

/** A network's name in a config: ours, or the node's own (`bitcoin` for mainnet). */
export const networkSchema: z.ZodType<Network, string> = z
  .enum(['mainnet', 'bitcoin', 'testnet', 'testnet4', 'signet', 'simnet', 'regtest'])
  .transform((name) => NAMES[name] as Network);

/** Our name of the network that a node names. @throws LightningError `PROTOCOL` when we know none of this name. */
export function networkNamed(name: string, operation: string): Network {
  const network = Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
  if (network === undefined)
    throw new LightningError('PROTOCOL', `the node is on a network that is not known here: ${name.slice(0, 40)}`, { operation });
  return network;
}

const PREFIXES: Readonly<Record<string, Network>> = {
  bc: 'mainnet',
  tb: 'testnet',
  tbs: 'signet',
  sb: 'simnet',
  bcrt: 'regtest',
};

/**
 * The network of a BOLT 11 prefix (`bcrt`, with or without the leading `ln`). Testnet 3 and 4 share one: there the
 * node's own network decides. Undefined for an unknown one.
 */
export function networkOfPrefix(prefix: string, nodeNetwork: Network): Network | undefined {
  const bare = prefix.toLowerCase().replace(/^ln/, '');
  if (bare === 'tb' && nodeNetwork === 'testnet4') return 'testnet4';
  return Object.hasOwn(PREFIXES, bare) ? PREFIXES[bare] : undefined;
}

/** The BOLT 11 prefix that a payment request begins with, without `ln` and amount; undefined where it has none. */
export function prefixOfRequest(paymentRequest: string): string | undefined {
  return /^ln(bcrt|tbs|bc|tb|sb)(?=\d|1)/.exec(paymentRequest.toLowerCase())?.[1];
}

/** @throws LightningError `WRONG_NETWORK` when a network was configured and the node is on another. */
export function requireNetwork(configured: Network | undefined, actual: Network, operation: string): void {
  if (configured !== undefined && configured !== actual) {
    throw new LightningError('WRONG_NETWORK', `the node is on ${actual}, the config says ${configured}`, { operation });
  }
}
