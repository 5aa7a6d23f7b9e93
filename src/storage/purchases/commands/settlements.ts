import type { Msat } from '../../../core/lightning/amount.ts';
import type { ApplyPurchaseSettlement, PurchaseEffect, PurchaseRecord, PurchaseRefund } from '../../../core/ports/purchases.ts';
import { moveCursors } from '../../ledger/commands/cursors.ts';
import { wholeMs } from '../../ledger/mapping.ts';
import { note } from './refunds.ts';
import { asLedger, type PurchaseDatabase, purchaseById, selectPurchases, toPurchase } from './rows.ts';

/** Applies a settlement, all that it causes, and the cursor. */
export async function applySettlement(db: PurchaseDatabase, command: ApplyPurchaseSettlement): Promise<PurchaseEffect> {
  const { node, cursor, kind, settlement } = command;
  const number = await moveCursors(asLedger(db), { node, cursor });
  const row = await selectPurchases(db)
    .where('purchases.node', '=', number)
    .where('purchases.payment_hash', '=', settlement.paymentHash)
    .executeTakeFirst();
  if (row === undefined) return { kind: 'foreign' };
  const purchase = toPurchase(row);
  if (kind === 'duplicate') return await keepDuplicate(db, command, purchase);
  if (purchase.receivedMsat !== undefined) return { kind: 'repeated', purchase };
  const isEnough = settlement.receivedMsat >= purchase.amountMsat;
  await db
    .updateTable('purchases')
    .set({
      state: isEnough ? 'settled' : 'expired',
      invoice_closed: 1n,
      received_msat: settlement.receivedMsat,
      settled_at: wholeMs(settlement.settledAt),
      late: purchase.state === 'expired' || settlement.settledAt > purchase.expiresAt ? 1n : 0n,
    })
    .where('id', '=', purchase.id)
    .execute();
  const refunds: PurchaseRefund[] = [];
  const over = (settlement.receivedMsat - purchase.amountMsat) as Msat;
  if (!isEnough) refunds.push(...(await note(db, purchase, 'underpaid', settlement.receivedMsat, command.now)));
  else if (over > 0n) refunds.push(...(await note(db, purchase, 'overpaid', over, command.now)));
  return { kind: isEnough ? 'sold' : 'set-aside', purchase: await purchaseById(db, purchase.id), refunds };
}

/** Money that came a second time; the event's cursor tells it from the same event again. */
async function keepDuplicate(db: PurchaseDatabase, command: ApplyPurchaseSettlement, purchase: PurchaseRecord): Promise<PurchaseEffect> {
  const { settlement, cursor, now } = command;
  const refunds = await note(db, purchase, 'duplicate', settlement.receivedMsat, now, cursor);
  return refunds.length === 0 ? { kind: 'repeated', purchase } : { kind: 'set-aside', purchase, refunds };
}
