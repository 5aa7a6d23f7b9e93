import type { Msat } from '../../../core/lightning/amount.ts';
import type { SettlementCursor } from '../../../core/lightning/settlement.ts';
import { LedgerError, type QuoteRecord } from '../../../core/ports/ledger.ts';
import type { CreditEvent } from '../../../core/tickerplant/messages.ts';
import { wholeMs } from '../mapping.ts';
import type { CreditEntriesTable } from '../tables.ts';
import type { LedgerDatabase } from './handlers.ts';

/** What of a quote an entry tells; a quote's record is one. */
export type CreditedQuote = Pick<QuoteRecord, 'id' | 'subscription' | 'creditMsat'>;

/** A subscription's credit. */
export async function creditOf(db: LedgerDatabase, subscription: string): Promise<Msat> {
  const row = await db
    .selectFrom('credit_entries')
    .select('credit_msat')
    .where('subscription', '=', subscription)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst();
  return (row?.credit_msat ?? 0n) as Msat;
}

/** Takes what a new quote counts on. @throws LedgerError `CONFLICT` where there is less. */
export async function setAside(db: LedgerDatabase, quote: CreditedQuote, now: number): Promise<void> {
  if (quote.creditMsat === 0n) return;
  const credit = await creditOf(db, quote.subscription);
  if (credit < quote.creditMsat)
    throw new LedgerError('CONFLICT', `${quote.creditMsat} msat are to be set aside for a quote, and the credit is ${credit}`);
  await enter(db, quote, 'set-aside', -quote.creditMsat, credit, now, null);
}

/** A quote ended unpaid: what was set aside for it is the buyer's again. */
export async function giveBack(db: LedgerDatabase, quote: CreditedQuote, now: number): Promise<void> {
  if (quote.creditMsat === 0n) return;
  await enter(db, quote, 'given-back', quote.creditMsat, await creditOf(db, quote.subscription), now, null);
}

/**
 * A quote whose credit was given back is honoured: the credit is taken as far as it is still there. Answers what is missing; that is
 * the seller's loss, who honours what he had withdrawn. An entry is made though nothing be there: it says when that was.
 */
export async function takeAgain(db: LedgerDatabase, quote: CreditedQuote, cursor: SettlementCursor, now: number): Promise<Msat> {
  if (quote.creditMsat === 0n) return 0n as Msat;
  const credit = await creditOf(db, quote.subscription);
  const taken = credit < quote.creditMsat ? credit : quote.creditMsat;
  await enter(db, quote, 'taken-again', -taken, credit, now, cursor);
  return (quote.creditMsat - taken) as Msat;
}

/** Money of a settlement that bought nothing: puts it where its outcome says. Nothing where there is none of it. */
export async function keep(
  db: LedgerDatabase,
  quote: CreditedQuote,
  { msat, reason, outcome }: Pick<CreditEvent, 'msat' | 'reason' | 'outcome'>,
  cursor: SettlementCursor,
  now: number,
): Promise<CreditEvent[]> {
  if (msat === 0n) return [];
  if (outcome === 'credit') await enter(db, quote, reason, msat, await creditOf(db, quote.subscription), now, cursor);
  else {
    const note = { subscription: quote.subscription, quote: quote.id, reason, msat, at: wholeMs(now), cursor, done_at: null };
    await db.insertInto('refund_notes').values(note).execute();
  }
  return [{ subscription: quote.subscription, quote: quote.id, msat, reason, outcome }];
}

/** Whether the money of this event is kept already, as a second payment. */
export async function isKeptDuplicate(db: LedgerDatabase, quote: string, cursor: SettlementCursor): Promise<boolean> {
  for (const table of ['credit_entries', 'refund_notes'] as const) {
    const row = await db
      .selectFrom(table)
      .select('number')
      .where('quote', '=', quote)
      .where('reason', '=', 'duplicate')
      .where('cursor', '=', cursor)
      .executeTakeFirst();
    if (row !== undefined) return true;
  }
  return false;
}

async function enter(
  db: LedgerDatabase,
  quote: CreditedQuote,
  reason: CreditEntriesTable['reason'],
  amount: bigint,
  before: bigint,
  now: number,
  cursor: SettlementCursor | null,
): Promise<void> {
  await db
    .insertInto('credit_entries')
    .values({
      subscription: quote.subscription,
      quote: quote.id,
      reason,
      msat: amount,
      credit_msat: before + amount,
      at: wholeMs(now),
      cursor,
    })
    .execute();
}
