import type { Msat } from '../../../core/lightning/amount.ts';
import type { ApplySettlement, Grant, NextSeqs, QuoteRecord, SettlementEffect } from '../../../core/ports/ledger.ts';
import type { QuoteItem } from '../../../core/tickerplant/messages.ts';
import { toGrant, toQuote, wholeMs } from '../mapping.ts';
import type { CreditEntriesTable } from '../tables.ts';
import { moveCursor } from './cursors.ts';
import type { LedgerDatabase } from './handlers.ts';
import { numberOfNode } from './nodes.ts';
import { selectQuotes } from './quotes.ts';

/** Applies a settlement, all that it causes, and the cursor. */
export async function applySettlement(db: LedgerDatabase, command: ApplySettlement): Promise<SettlementEffect> {
  const node = await numberOfNode(db, command.node);
  await moveCursor(db, node, command.cursor);
  const row = await selectQuotes(db)
    .where('quotes.node', '=', node)
    .where('quotes.payment_hash', '=', command.settlement.paymentHash)
    .executeTakeFirst();
  if (row === undefined) return { kind: 'foreign' };
  const quote = toQuote(row);
  if (command.kind === 'duplicate') return creditDuplicate(db, command, quote);

  const applied = await db
    .selectFrom('settlements')
    .select('effect')
    .where('node', '=', node)
    .where('payment_hash', '=', quote.paymentHash)
    .executeTakeFirst();
  if (applied !== undefined) return { kind: 'repeated', quote };

  const { receivedMsat, settledAt } = command.settlement;
  const late = quote.state !== 'open' || settledAt > quote.expiresAt;
  const enough = receivedMsat >= quote.amountMsat;
  await db
    .insertInto('settlements')
    .values({
      node,
      payment_hash: quote.paymentHash,
      quote: quote.id,
      effect: enough ? 'granted' : 'underpaid',
      received_msat: receivedMsat,
      late: late ? 1n : 0n,
      settled_at: wholeMs(settledAt),
      applied_at: wholeMs(command.now),
    })
    .execute();
  await db
    .updateTable('quotes')
    .set(enough ? { state: 'settled', invoice_closed: 1n } : { invoice_closed: 1n })
    .where('id', '=', quote.id)
    .execute();

  if (!enough) {
    await addCredit(db, command, quote, 'underpaid', receivedMsat);
    return { kind: 'credited', quote: { ...quote, invoiceClosed: true }, creditMsat: receivedMsat, reason: 'underpaid' };
  }
  const overMsat = (receivedMsat - quote.amountMsat) as Msat;
  if (overMsat > 0n) await addCredit(db, command, quote, 'overpaid', overMsat);
  const grants: Grant[] = [];
  for (const [position, item] of quote.items.entries()) grants.push(await addGrant(db, command, quote, item, position));
  return { kind: 'granted', quote: { ...quote, state: 'settled', invoiceClosed: true }, grants, overMsat, late };
}

/** Money that came a second time; the event's cursor tells it from the same event again. */
async function creditDuplicate(db: LedgerDatabase, command: ApplySettlement, quote: QuoteRecord): Promise<SettlementEffect> {
  const seen = await db
    .selectFrom('credit_entries')
    .select('number')
    .where('quote', '=', quote.id)
    .where('reason', '=', 'duplicate')
    .where('cursor', '=', command.cursor)
    .executeTakeFirst();
  if (seen !== undefined) return { kind: 'repeated', quote };
  const creditMsat = command.settlement.receivedMsat;
  await addCredit(db, command, quote, 'duplicate', creditMsat);
  return { kind: 'credited', quote, creditMsat, reason: 'duplicate' };
}

async function addCredit(
  db: LedgerDatabase,
  command: ApplySettlement,
  quote: QuoteRecord,
  reason: CreditEntriesTable['reason'],
  amount: Msat,
): Promise<void> {
  await db
    .insertInto('credit_entries')
    .values({ subscription: quote.subscription, quote: quote.id, reason, msat: amount, at: wholeMs(command.now), cursor: command.cursor })
    .execute();
}

async function addGrant(
  db: LedgerDatabase,
  command: ApplySettlement,
  quote: QuoteRecord,
  item: QuoteItem,
  position: number,
): Promise<Grant> {
  const row = await db
    .insertInto('grants')
    .values({
      id: `${quote.id}-${position}`,
      subscription: quote.subscription,
      quote: quote.id,
      position: BigInt(position),
      table_name: item.table,
      syms: JSON.stringify(item.syms),
      granted_at: wholeMs(command.now),
      until: wholeMs(command.now) + wholeMs(quote.lastsMs),
      epoch: BigInt(command.epoch),
      next: JSON.stringify(nextOf(command.next, item)),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return toGrant(row);
}

/** Where each symbol of an item begins. Own properties only: a symbol may be called `constructor`. */
function nextOf(next: NextSeqs, item: QuoteItem): Record<string, number> {
  const seqs = Object.hasOwn(next, item.table) ? (next[item.table] ?? {}) : {};
  return Object.fromEntries(item.syms.map((sym) => [sym, Object.hasOwn(seqs, sym) ? (seqs[sym] ?? 1) : 1]));
}
