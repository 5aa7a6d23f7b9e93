import type { NodeIdentity } from '../../../core/lightning/backend.ts';
import type { PaymentHash } from '../../../core/lightning/identifiers.ts';
import type { PaymentOutcome } from '../../../core/lightning/payment.ts';
import type { PaymentIntent } from '../../../core/ports/payment-intents.ts';
import { formatOutcome, toIntent, wholeMs } from '../mapping.ts';
import type { LedgerDatabase } from './handlers.ts';
import { findNode, numberOfNode } from './nodes.ts';

/** The intent of a payment hash. */
export async function find(db: LedgerDatabase, node: NodeIdentity, hash: PaymentHash): Promise<PaymentIntent | undefined> {
  const number = await findNode(db, node);
  if (number === undefined) return undefined;
  const row = await db
    .selectFrom('payment_intents')
    .selectAll()
    .where('node', '=', number)
    .where('payment_hash', '=', hash)
    .executeTakeFirst();
  return row && toIntent(row, node);
}

/** The intent of a keysend by its caller's key. */
export async function findKeysend(db: LedgerDatabase, node: NodeIdentity, key: string): Promise<PaymentIntent | undefined> {
  const number = await findNode(db, node);
  if (number === undefined) return undefined;
  const row = await db
    .selectFrom('payment_intents')
    .selectAll()
    .where('node', '=', number)
    .where('keysend_key', '=', key)
    .executeTakeFirst();
  return row && toIntent(row, node);
}

/**
 * The compare-and-set before the node is told. A keysend's key finds its intent too, so that a second preimage is never made
 * for it: the intent in the answer is the one to pay.
 */
export async function begin(
  db: LedgerDatabase,
  intent: Omit<PaymentIntent, 'attempts' | 'outcome'>,
): Promise<{ readonly begun: boolean; readonly intent: PaymentIntent }> {
  const node = await numberOfNode(db, intent.node);
  const existing =
    (await find(db, intent.node, intent.paymentHash)) ??
    (intent.keysend === undefined ? undefined : await findKeysend(db, intent.node, intent.keysend.key));
  if (existing === undefined) {
    const row = await db
      .insertInto('payment_intents')
      .values({
        node,
        payment_hash: intent.paymentHash,
        payment_request: intent.paymentRequest ?? null,
        keysend_key: intent.keysend?.key ?? null,
        keysend_preimage: intent.keysend?.preimage ?? null,
        amount_msat: intent.amountMsat,
        max_fee_msat: intent.maxFeeMsat,
        created_at: wholeMs(intent.createdAt),
        expires_at: wholeMs(intent.expiresAt),
        attempts: 1n,
        status: null,
        outcome: null,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    return { begun: true, intent: toIntent(row, intent.node) };
  }
  if (existing.outcome?.status !== 'failed') return { begun: false, intent: existing };
  const row = await db
    .updateTable('payment_intents')
    .set((eb) => ({
      attempts: eb('attempts', '+', 1n),
      status: null,
      outcome: null,
      // What this attempt may cost; the next one may be allowed more.
      amount_msat: intent.amountMsat,
      max_fee_msat: intent.maxFeeMsat,
      expires_at: wholeMs(intent.expiresAt),
    }))
    .where('node', '=', node)
    .where('payment_hash', '=', existing.paymentHash)
    .where('status', '=', 'failed')
    .returningAll()
    .executeTakeFirstOrThrow();
  return { begun: true, intent: toIntent(row, intent.node) };
}

/** Records what is known now; a settled one stays as it is, an unknown hash is none of ours and ignored. */
export async function record(db: LedgerDatabase, node: NodeIdentity, hash: PaymentHash, outcome: PaymentOutcome): Promise<void> {
  const number = await findNode(db, node);
  if (number === undefined) return;
  await db
    .updateTable('payment_intents')
    .set({ status: outcome.status, outcome: formatOutcome(outcome) })
    .where('node', '=', number)
    .where('payment_hash', '=', hash)
    .where((eb) => eb.or([eb('status', 'is', null), eb('status', '<>', 'settled')]))
    .execute();
}
