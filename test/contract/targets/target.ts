import type { NetworkRoles, NodeKind } from '../../../regtest/network.ts';
import type { ContractNetwork, ContractRole } from '../network.ts';

/** Which kind of backend each role has. */
export type Roles = Readonly<Record<ContractRole, string>>;

/** The same kind in every role. */
export function everywhere(kind: string): Roles {
  return { payer: kind, middle: kind, payee: kind };
}

/** How to open a target's network. */
export interface OpenTarget {
  readonly roles: Roles;
  /** How many settled invoices the backlog case makes; the target's own number unless given. */
  readonly backlogSize?: number;
  /** Says what goes on while it starts; a line each. */
  readonly progress: (line: string) => void;
}

/** A place to run the contract in. */
export interface Target {
  readonly name: string;
  /** The backends that it has now, in every role. */
  readonly kinds: readonly string[];
  /** Those that it has, though not in every role at once. */
  readonly some?: readonly string[];
  /** Backends that it could have, each with the reason why not now. */
  readonly missing: Readonly<Record<string, string>>;
  /** What the cases' times are stretched by. */
  readonly timeFactor: number;
  /** @throws Error that names what is missing. */
  open(options: OpenTarget): Promise<ContractNetwork>;
}

/** The nodes that a regtest network can be made of. */
export const KINDS: readonly NodeKind[] = ['lnd', 'cln', 'eclair'];

/** Roles of a regtest network. @throws Error for a kind that there is no node of. */
export function nodeKinds({ payer, middle, payee }: Roles): NetworkRoles {
  return { payer: nodeKind(payer), middle: nodeKind(middle), payee: nodeKind(payee) };
}

function nodeKind(kind: string): NodeKind {
  const known = KINDS.find((each) => each === kind);
  if (known === undefined) throw new Error(`there is no ${kind} here; there are ${KINDS.join(', ')}`);
  return known;
}
