import type { Capabilities } from '../../src/core/lightning/capabilities.ts';
import type { ContractNetwork, ContractRole } from './network.ts';

/** A capability, or that it is missing, of the backend in a role. */
export interface Requirement {
  readonly role: ContractRole;
  readonly capability: keyof Capabilities;
  /** False: the case is about a backend that does not have it. */
  readonly has: boolean;
}

/**
 * One guarantee of the contract. Runs in any test runner or none: it throws where the guarantee does not hold. Cases of a
 * suite run one after the other on one network and leave it usable.
 */
export interface ContractCase {
  /** `invoices: an amount of one msat`; unique in its suite, and stands in the suite's list. */
  readonly title: string;
  /** It applies only where all of these hold; nothing else may leave it out. */
  readonly needs: readonly Requirement[];
  /** Milliseconds it may take on a slow network. */
  readonly timeoutMs: number;
  readonly run: (network: ContractNetwork) => Promise<void>;
}

const DEFAULT_TIMEOUT_MS = 60_000;

/** Makes a case. */
export function contractCase(
  title: string,
  run: (network: ContractNetwork) => Promise<void>,
  options: { readonly needs?: readonly Requirement[]; readonly timeoutMs?: number } = {},
): ContractCase {
  return { title, run, needs: options.needs ?? [], timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS };
}

/** The case needs this capability of the payee, where it is about receiving, or of the payer. */
export function has(role: ContractRole, capability: keyof Capabilities): Requirement {
  return { role, capability, has: true };
}

/** The case is about a backend without this capability. */
export function lacks(role: ContractRole, capability: keyof Capabilities): Requirement {
  return { role, capability, has: false };
}

/** The first requirement that a network does not meet; undefined where the case applies. */
export function unmet(each: ContractCase, capabilitiesOf: (role: ContractRole) => Capabilities): Requirement | undefined {
  return each.needs.find(({ role, capability, has: wanted }) => {
    const value = capabilitiesOf(role)[capability];
    const present = typeof value === 'bigint' ? value > 1n : value;
    return present !== wanted;
  });
}
