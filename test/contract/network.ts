import type { LightningBackend } from '../../src/core/lightning/backend.ts';
import type { Capabilities } from '../../src/core/lightning/capabilities.ts';
import type { Outpoint, TxId } from '../../src/core/lightning/identifiers.ts';
import type { PaymentIntents } from '../../src/core/ports/payment-intents.ts';

/** Who a node is in the cases. Public channels with balance on both sides run payer – middle – payee; none runs payer – payee. */
export type ContractRole = 'payer' | 'middle' | 'payee';

/** A node that the contract runs on. */
export interface ContractNode {
  readonly role: ContractRole;
  /** `lnd`, `simulated`; for the table of results. */
  readonly kind: string;
  readonly capabilities: Capabilities;
  /** Where the other nodes reach it. */
  readonly address: { readonly host: string; readonly port: number };
  /** A backend with full rights that the cases share. */
  readonly backend: LightningBackend;
  /** A backend of its own, disposed of by the case; with the given memory of payments, or a fresh one. */
  open(intents?: PaymentIntents): Promise<LightningBackend>;
  /** Stops the node and waits until it is gone. */
  stop(): Promise<void>;
  /** Starts it again and waits until it answers and its channels are usable. */
  start(): Promise<void>;
}

/** What the contract runs on: three nodes and a chain. RegtestNetwork has all of it and more. */
export interface ContractNetwork extends AsyncDisposable {
  readonly name: string;
  readonly payer: ContractNode;
  readonly middle: ContractNode;
  readonly payee: ContractNode;
  /** Mines blocks and waits until every running node has seen them. */
  mine(blocks: number): Promise<void>;
  /** Whole satoshi from the Bitcoin node to an address; not mined yet. */
  sendToAddress(address: string, sat: number): Promise<TxId>;
  /** A transaction as the Bitcoin node knows it. */
  getTransaction(txId: TxId): Promise<{ readonly confirmations: number } | undefined>;
  /** The funding output of the channel payer – middle. */
  readonly firstChannel: Outpoint;
  /** How many settled invoices the backlog case makes: thousands where that is quick. */
  readonly backlogSize: number;
}

/** The node of a role. */
export function nodeOf(network: ContractNetwork, role: ContractRole): ContractNode {
  return network[role];
}
