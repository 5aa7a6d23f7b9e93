import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type Msat, msat } from '../core/lightning/amount.ts';
import type { NodeIdentity } from '../core/lightning/backend.ts';
import { paymentHash } from '../core/lightning/identifiers.ts';
import type { Invoice } from '../core/lightning/invoice.ts';
import type { Settlement, SettlementCursor } from '../core/lightning/settlement.ts';

/**
 * `created` an invoice was made · `settled` it was paid for good · `duplicate` money came a second time · `expired`, `cancelled` it
 * ended unpaid.
 */
export const EVENT_KINDS = ['created', 'settled', 'duplicate', 'expired', 'cancelled'] as const;

/** See {@link EVENT_KINDS}. */
export type EventKind = (typeof EVENT_KINDS)[number];

/** What is told of an invoice: as JSON, amounts as decimal texts of msat, times in milliseconds since 1970; what is not known is left out. */
export interface EventInvoice {
  readonly paymentHash: string;
  /** Left out where the payer chooses. */
  readonly amountMsat?: string | undefined;
  /** What arrived. */
  readonly receivedMsat?: string | undefined;
  readonly createdAt?: number | undefined;
  readonly expiresAt?: number | undefined;
  readonly settledAt?: number | undefined;
  readonly label?: string | undefined;
  readonly description?: string | undefined;
  /** The BOLT 11 text, of `created` only. */
  readonly paymentRequest?: string | undefined;
}

/** An event on its way into the outbox. */
export interface NewEvent {
  readonly kind: EventKind;
  /** What makes it the same event when the node tells of it again. */
  readonly key: string;
  readonly invoice: EventInvoice;
  /** The position after it at the node, where the node's cursors are good for anybody. */
  readonly nodeCursor?: SettlementCursor | undefined;
}

/** An event of the outbox. */
export interface InvoiceEvent {
  readonly offset: number;
  readonly mark: string;
  /** The same for the same event, from whichever outbox: the idempotency key. */
  readonly id: string;
  readonly kind: EventKind;
  /** When the listener wrote it down, milliseconds since 1970. */
  readonly at: number;
  readonly invoice: EventInvoice;
  readonly nodeCursor?: SettlementCursor | undefined;
}

const amount = z.string().regex(/^\d{1,20}$/);
const time = z.number().nonnegative();

/** An invoice as it comes over the wire. What a newer listener adds is passed over. */
export const eventInvoiceSchema: z.ZodType<EventInvoice> = z.object({
  paymentHash: z.string().regex(/^[0-9a-f]{64}$/),
  amountMsat: amount.optional(),
  receivedMsat: amount.optional(),
  createdAt: time.optional(),
  expiresAt: time.optional(),
  settledAt: time.optional(),
  label: z.string().optional(),
  description: z.string().optional(),
  paymentRequest: z.string().optional(),
});

/** The idempotency key of an event: of what happened, not of who wrote it down. */
export function eventId(node: NodeIdentity, key: string): string {
  return createHash('sha256').update(`${node.network}\n${node.nodeId}\n${key}`).digest('hex').slice(0, 32);
}

/** An invoice that the node has settled. `cursor`: of the event at the node. */
export function settledEvent(
  kind: 'settled' | 'duplicate',
  settlement: Settlement,
  cursor: SettlementCursor,
  { cursorsTravel }: { readonly cursorsTravel: boolean },
): NewEvent {
  const { paymentHash: hash, amountMsat, receivedMsat, settledAt, expiresAt, label } = settlement;
  return {
    kind,
    key: kind === 'settled' ? `settled:${hash}` : `duplicate:${hash}:${cursor}`,
    invoice: { paymentHash: hash, amountMsat: amountMsat?.toString(), receivedMsat: receivedMsat.toString(), settledAt, expiresAt, label },
    ...(cursorsTravel ? { nodeCursor: cursor } : {}),
  };
}

/** The settlement that such an event tells of; undefined where it lacks what a settlement has. */
export function toSettlement({ invoice }: Pick<InvoiceEvent, 'invoice'>): Settlement | undefined {
  const { receivedMsat, settledAt, amountMsat, expiresAt, label } = invoice;
  if (receivedMsat === undefined || settledAt === undefined) return undefined;
  const toMsat = (text: string): Msat => msat(BigInt(text));
  return {
    paymentHash: paymentHash(invoice.paymentHash),
    amountMsat: amountMsat === undefined ? undefined : toMsat(amountMsat),
    receivedMsat: toMsat(receivedMsat),
    settledAt,
    expiresAt,
    label,
  };
}

/** An invoice that was made, or that ended unpaid. */
export function invoiceEvent(kind: 'created' | 'expired' | 'cancelled', invoice: Invoice): NewEvent {
  const { paymentHash: hash, amountMsat, createdAt, expiresAt, label, description } = invoice;
  return {
    kind,
    key: kind === 'created' ? `created:${hash}` : `ended:${hash}`,
    invoice: {
      paymentHash: hash,
      amountMsat: amountMsat?.toString(),
      createdAt,
      expiresAt,
      label,
      description,
      ...(kind === 'created' ? { paymentRequest: invoice.paymentRequest } : {}),
    },
  };
}
