import type { Generated } from 'kysely';
import type { LedgerTables } from '../ledger/tables.ts';

/** The store's tables as the queries see them; those that a node's adapter keeps its own memory in are the ledger's. */
export interface PurchaseTables extends Pick<LedgerTables, 'nodes' | 'payment_intents' | 'settlement_log'> {
  purchases: PurchasesTable;
  refund_notes: RefundNotesTable;
  answers: AnswersTable;
}

/** A row per purchase; `root_key` is a secret. */
export interface PurchasesTable {
  id: string;
  link_digest: string;
  root_key: string;
  node: bigint;
  state: 'open' | 'settled' | 'expired';
  item: string;
  title: string;
  snapshot: string;
  amount_msat: bigint;
  payment_hash: string;
  payment_request: string;
  created_at: bigint;
  expires_at: bigint;
  invoice_closed: Generated<bigint>;
  deliveries: bigint;
  delivered: Generated<bigint>;
  broken_off_bytes: Generated<bigint>;
  received_msat: bigint | null;
  settled_at: bigint | null;
  late: Generated<bigint>;
  last_delivered_at: bigint | null;
  refunded_at: bigint | null;
}

/** Money to be given back. */
export interface RefundNotesTable {
  id: string;
  purchase: string;
  msat: bigint;
  reason: 'overpaid' | 'underpaid' | 'duplicate' | 'undeliverable';
  noted_at: bigint;
  done_at: bigint | null;
}

/** Computed answers. */
export interface AnswersTable {
  purchase: string;
  head: string;
  body: Uint8Array;
}
