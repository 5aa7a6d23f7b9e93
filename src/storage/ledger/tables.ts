import type { Generated } from 'kysely';

/**
 * The ledger's tables as the queries see them. INTEGER is bigint (money in msat, times in milliseconds since 1970), a flag is
 * 0n or 1n, lists and records are JSON texts. What each means stands with the columns in `migrations/`.
 */
export interface LedgerTables {
  nodes: NodesTable;
  subscriptions: SubscriptionsTable;
  quotes: QuotesTable;
  settlements: SettlementsTable;
  grants: GrantsTable;
  credit_entries: CreditEntriesTable;
  unsubscribed: UnsubscribedTable;
  payment_intents: PaymentIntentsTable;
  settlement_log: SettlementLogTable;
  ended_days: EndedDaysTable;
  told_days: ToldDaysTable;
  revocations: RevocationsTable;
  epochs: EpochsTable;
}

/** A row per (network, node public key). */
export interface NodesTable {
  number: Generated<bigint>;
  network: string;
  node_id: string;
  cursor: string | null;
  checkpoint: string | null;
}

/** A row per subscription; `root_key` is a secret. */
export interface SubscriptionsTable {
  id: string;
  token_id: string;
  root_key: string;
  created_at: bigint;
}

/** A row per quote. */
export interface QuotesTable {
  id: string;
  subscription: string;
  node: bigint;
  state: 'open' | 'settled' | 'expired' | 'withdrawn';
  key: string | null;
  request: string | null;
  items: string;
  amount_msat: bigint;
  payment_hash: string;
  payment_request: string;
  created_at: bigint;
  expires_at: bigint;
  lasts_ms: bigint;
  invoice_closed: Generated<bigint>;
}

/** A row per settled invoice of ours: that it is here is what makes applying it again change nothing. */
export interface SettlementsTable {
  node: bigint;
  payment_hash: string;
  quote: string;
  effect: 'granted' | 'underpaid';
  received_msat: bigint;
  late: bigint;
  settled_at: bigint;
  applied_at: bigint;
}

/** Immutable. */
export interface GrantsTable {
  id: string;
  subscription: string;
  quote: string;
  position: bigint;
  table_name: string;
  syms: string;
  granted_at: bigint;
  until: bigint;
  epoch: bigint;
  next: string;
}

/** Append-only: what was paid and bought nothing. */
export interface CreditEntriesTable {
  number: Generated<bigint>;
  subscription: string;
  quote: string;
  reason: 'overpaid' | 'underpaid' | 'duplicate';
  msat: bigint;
  at: bigint;
  cursor: string;
}

/** Symbols that a buyer does not want for now. */
export interface UnsubscribedTable {
  subscription: string;
  table_name: string;
  syms: string;
}

/** A row per outgoing payment; `preimage` (keysend) and the outcome's are secrets. */
export interface PaymentIntentsTable {
  node: bigint;
  payment_hash: string;
  payment_request: string | null;
  keysend_key: string | null;
  keysend_preimage: string | null;
  amount_msat: bigint;
  max_fee_msat: bigint;
  created_at: bigint;
  expires_at: bigint;
  attempts: bigint;
  status: 'settled' | 'failed' | 'pending' | 'unknown' | null;
  outcome: string | null;
}

/** Settlements in the order of first observation. */
export interface SettlementLogTable {
  node: bigint;
  position: bigint;
  payment_hash: string;
  amount_msat: bigint | null;
  received_msat: bigint;
  settled_at: bigint;
  expires_at: bigint | null;
  label: string | null;
}

/** A row per end of day. */
export interface EndedDaysTable {
  date: string;
  ends_at: bigint;
  recorded_at: bigint;
  silent: bigint;
}

/** The last date that a subscription was told. */
export interface ToldDaysTable {
  subscription: string;
  date: string;
}

/** Subscriptions whose token is not taken any more. */
export interface RevocationsTable {
  subscription: string;
  revoked_at: bigint;
}

/** Epochs that rows were numbered in. */
export interface EpochsTable {
  epoch: bigint;
}
