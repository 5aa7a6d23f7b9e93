import type { Generated } from 'kysely';
import type { CreditEvent, QuoteReason } from '../../core/tickerplant/messages.ts';

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
  refund_notes: RefundNotesTable;
  leases: LeasesTable;
  balance_entries: BalanceEntriesTable;
  billed_rows: BilledRowsTable;
  unsubscribed: UnsubscribedTable;
  payment_intents: PaymentIntentsTable;
  settlement_log: SettlementLogTable;
  ended_days: EndedDaysTable;
  told_days: ToldDaysTable;
  revocations: RevocationsTable;
  epochs: EpochsTable;
  source_cursors: SourceCursorsTable;
  devices: DevicesTable;
  device_invoices: DeviceInvoicesTable;
  device_settlements: DeviceSettlementsTable;
}

/** A row per (network, node public key). */
export interface NodesTable {
  number: Generated<bigint>;
  network: string;
  node_id: string;
  cursor: string | null;
  checkpoint: string | null;
}

/** A row per (node, source of settlements other than the node itself). */
export interface SourceCursorsTable {
  node: bigint;
  source: string;
  cursor: string;
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
  invoice_closed: Generated<bigint>;
  reason: QuoteReason;
  credit_msat: bigint;
}

/** A row per settled invoice of ours: that it is here is what makes applying it again change nothing. Immutable. */
export interface SettlementsTable {
  node: bigint;
  payment_hash: string;
  quote: string;
  effect: 'granted' | 'set-aside';
  timing: Timing;
  received_msat: bigint;
  settled_at: bigint;
  applied_at: bigint;
  policy: string;
  gone: string;
  day_ends: bigint;
}

/** When a quote was paid: while it was open, after it ran out, or after it was withdrawn. */
export type Timing = 'in-time' | 'late' | 'withdrawn';

/** Immutable. */
export interface GrantsTable {
  number: Generated<bigint>;
  id: string;
  subscription: string;
  quote: string;
  position: bigint;
  item: bigint;
  table_name: string;
  syms: string;
  terms: string;
  granted_at: bigint;
  starts_at: bigint;
  until: bigint;
  ends_at: bigint;
  replay_ms: bigint;
  epoch: bigint;
  next: string;
}

/** Append-only: what was paid and bought nothing, and what of it was set aside for quotes. */
export interface CreditEntriesTable {
  number: Generated<bigint>;
  subscription: string;
  quote: string;
  reason: CreditEvent['reason'] | 'set-aside' | 'given-back' | 'taken-again';
  msat: bigint;
  credit_msat: bigint;
  at: bigint;
  cursor: string | null;
}

/** What is to be given back; only `done_at` is ever set. */
export interface RefundNotesTable {
  number: Generated<bigint>;
  subscription: string;
  quote: string;
  reason: CreditEvent['reason'];
  msat: bigint;
  at: bigint;
  cursor: string;
  done_at: bigint | null;
}

/** What was lent of a balance: spent until it is closed. */
export interface LeasesTable {
  number: Generated<bigint>;
  subscription: string;
  msat: bigint;
  spent_msat: Generated<bigint>;
  opened_at: bigint;
  closed_at: bigint | null;
}

/** Append-only: the sum of a subscription's is its prepaid balance, without what is lent. */
export interface BalanceEntriesTable {
  number: Generated<bigint>;
  subscription: string;
  kind: 'prepaid' | 'lent' | 'returned';
  msat: bigint;
  balance_msat: bigint;
  quote: string | null;
  lease: bigint | null;
  at: bigint;
}

/** Rows that were billed one by one. */
export interface BilledRowsTable {
  subscription: string;
  table_name: string;
  sym: string;
  epoch: bigint;
  ranges: string;
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

/** A row per device; `root_key` is a secret. */
export interface DevicesTable {
  number: Generated<bigint>;
  id: string;
  name: string;
  root_key: string;
  created_at: bigint;
  revoked_at: bigint | null;
  invoices: Generated<bigint>;
  settled: Generated<bigint>;
  received_msat: Generated<bigint>;
  acknowledged: Generated<bigint>;
}

/** A row per invoice of a device's. */
export interface DeviceInvoicesTable {
  id: string;
  device: string;
  node: bigint;
  state: 'open' | 'settled' | 'expired' | 'withdrawn';
  key: string | null;
  request: string | null;
  item: string;
  amount_msat: bigint;
  payment_hash: string;
  payment_request: string;
  created_at: bigint;
  expires_at: bigint;
  invoice_closed: Generated<bigint>;
}

/** A row per payment of one; only `acknowledged_at` is ever set, once. */
export interface DeviceSettlementsTable {
  number: Generated<bigint>;
  id: string;
  device: string;
  invoice: string;
  kind: 'paid' | 'underpaid' | 'duplicate';
  late: bigint;
  received_msat: bigint;
  settled_at: bigint;
  applied_at: bigint;
  cursor: string;
  acknowledged_at: bigint | null;
}
