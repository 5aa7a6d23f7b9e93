import type { Network } from '../../core/lightning/common.ts';

/** What the node is wanted for: a seller's makes and follows invoices, a buyer's pays them. */
export type Purpose = 'sell' | 'pay';

/** `ok` · `warn` worth knowing · `fail` not usable like this · `unseen` the credential may not ask, so it can't be told. */
export type CheckStatus = 'ok' | 'warn' | 'fail' | 'unseen';

/** One thing that was looked at. */
export interface Check {
  /** What: `synced`, `inbound`; the same in every version. */
  readonly name: string;
  readonly status: CheckStatus;
  /** What was found. */
  readonly detail: string;
  /** What to do about it. */
  readonly advice?: string;
}

/** What a credential may do, as the node's answers show. */
export type Rights = 'full' | 'read-only' | 'invoices-only' | 'partial';

/** What the doctor found. Amounts are decimal strings of msat; what could not be told is left out. */
export interface Diagnosis {
  readonly kind: string;
  /** Where the config was looked up rather than written. */
  readonly via?: string;
  readonly purpose: Purpose;
  /** Whether something answered at all. */
  readonly reachable: boolean;
  /** Whether it can be used for the purpose: no check failed. */
  readonly usable: boolean;
  readonly network?: Network;
  readonly nodeId?: string;
  readonly alias?: string;
  readonly version?: string;
  readonly blockHeight?: number;
  readonly synced?: boolean;
  readonly rights?: Rights;
  readonly inboundMsat?: string;
  readonly outboundMsat?: string;
  /** The node's clock less ours; 0 within the second that an invoice's time is given in. */
  readonly clockSkewMs?: number;
  readonly checks: readonly Check[];
}
