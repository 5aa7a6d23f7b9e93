import type { Selectable } from 'kysely';
import type { Msat } from '../../core/lightning/amount.ts';
import type { NodeIdentity } from '../../core/lightning/backend.ts';
import type { Network } from '../../core/lightning/common.ts';
import type { NodeId, PaymentHash, Preimage } from '../../core/lightning/identifiers.ts';
import type { PaymentOutcome } from '../../core/lightning/payment.ts';
import type { Grant, QuoteRecord } from '../../core/ports/ledger.ts';
import type { PaymentIntent } from '../../core/ports/payment-intents.ts';
import type { ObservedSettlement } from '../../core/ports/settlement-log.ts';
import { parseItems, parseTerms } from './items.ts';
import type { GrantsTable, NodesTable, PaymentIntentsTable, QuotesTable, SettlementLogTable } from './tables.ts';

/** A quote's row together with its node's. */
export type QuoteRow = Selectable<QuotesTable> & Pick<Selectable<NodesTable>, 'network' | 'node_id'>;

/** A time as it is kept: whole milliseconds since 1970, cut off (a clock may give fractions). */
export function wholeMs(at: number): bigint {
  return BigInt(Math.floor(at));
}

/** A quote of its row. */
export function toQuote(row: QuoteRow): QuoteRecord {
  return {
    id: row.id,
    subscription: row.subscription,
    node: { network: row.network as Network, nodeId: row.node_id as NodeId },
    state: row.state,
    key: row.key ?? undefined,
    request: row.request ?? undefined,
    items: parseItems(row.items),
    reason: row.reason,
    amountMsat: row.amount_msat as Msat,
    creditMsat: row.credit_msat as Msat,
    paymentHash: row.payment_hash as PaymentHash,
    paymentRequest: row.payment_request,
    createdAt: Number(row.created_at),
    expiresAt: Number(row.expires_at),
    invoiceClosed: row.invoice_closed === 1n,
  };
}

/** A grant of its row. */
export function toGrant(row: Selectable<GrantsTable>): Grant {
  return {
    id: row.id,
    subscription: row.subscription,
    quote: row.quote,
    table: row.table_name,
    syms: JSON.parse(row.syms) as string[],
    terms: parseTerms(row.terms),
    grantedAt: Number(row.granted_at),
    until: Number(row.until),
    epoch: Number(row.epoch),
    next: JSON.parse(row.next) as Record<string, number>,
  };
}

/** A payment intent of its row. */
export function toIntent(row: Selectable<PaymentIntentsTable>, node: NodeIdentity): PaymentIntent {
  return {
    node,
    paymentHash: row.payment_hash as PaymentHash,
    paymentRequest: row.payment_request ?? undefined,
    keysend:
      row.keysend_key === null || row.keysend_preimage === null
        ? undefined
        : { key: row.keysend_key, preimage: row.keysend_preimage as Preimage },
    amountMsat: row.amount_msat as Msat,
    maxFeeMsat: row.max_fee_msat as Msat,
    createdAt: Number(row.created_at),
    expiresAt: Number(row.expires_at),
    attempts: Number(row.attempts),
    outcome: row.outcome === null ? undefined : parseOutcome(row.outcome),
  };
}

/** An observed settlement of its row. */
export function toObserved(row: Selectable<SettlementLogTable>): ObservedSettlement {
  return {
    position: Number(row.position),
    settlement: {
      paymentHash: row.payment_hash as PaymentHash,
      amountMsat: row.amount_msat === null ? undefined : (row.amount_msat as Msat),
      receivedMsat: row.received_msat as Msat,
      settledAt: Number(row.settled_at),
      expiresAt: row.expires_at === null ? undefined : Number(row.expires_at),
      label: row.label ?? undefined,
    },
  };
}

/** An outcome as JSON; fields named `…Msat` are decimal texts. */
export function formatOutcome(outcome: PaymentOutcome): string {
  return JSON.stringify(outcome, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}

/** Reads {@link formatOutcome}. */
export function parseOutcome(text: string): PaymentOutcome {
  return JSON.parse(text, (key, value: unknown) => (key.endsWith('Msat') && typeof value === 'string' ? BigInt(value) : value));
}
