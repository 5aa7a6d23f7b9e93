import type { Msat } from '../../../core/lightning/amount.ts';
import type { ApplySettlement, QuoteRecord, SettlementEffect, SettlementPolicy } from '../../../core/ports/ledger.ts';
import type { CreditEvent } from '../../../core/tickerplant/messages.ts';
import { toQuote, wholeMs } from '../mapping.ts';
import type { SettlementsTable, Timing } from '../tables.ts';
import { balanceOf, enterBalance } from './balance.ts';
import { giveBack, isKeptDuplicate, keep, takeAgain } from './credit.ts';
import { eventNameOf, moveCursors } from './cursors.ts';
import { settleDeviceInvoice } from './devices/settlements.ts';
import { addGrants } from './grants.ts';
import type { LedgerDatabase } from './handlers.ts';
import { selectQuotes } from './quotes.ts';

/** A revoked subscription can use nothing any more: neither what a late payment buys, nor credit. */
const REVOKED: SettlementPolicy = {
  late: 'refund',
  withdrawn: 'refund',
  overpaid: 'refund',
  underpaid: 'refund',
  duplicate: 'refund',
  tableGone: 'refund',
};

/** Applies a settlement, all that it causes, and the cursor. */
export async function applySettlement(db: LedgerDatabase, given: ApplySettlement): Promise<SettlementEffect> {
  const node = await moveCursors(db, given);
  const row = await selectQuotes(db)
    .leftJoin('settlements', 'settlements.quote', 'quotes.id')
    .leftJoin('revocations', 'revocations.subscription', 'quotes.subscription')
    .select(['settlements.effect', 'revocations.revoked_at'])
    .where('quotes.node', '=', node)
    .where('quotes.payment_hash', '=', given.settlement.paymentHash)
    .executeTakeFirst();
  if (row === undefined) return (await settleDeviceInvoice(db, node, given, eventNameOf(given))) ?? { kind: 'foreign' };
  const quote = toQuote(row);
  // From here on the cursor is no position any more, but the event's name.
  const command = { ...given, cursor: eventNameOf(given), policy: row.revoked_at === null ? given.policy : REVOKED };
  if (command.kind === 'duplicate') return keepDuplicate(db, command, quote);

  if (row.effect !== null) return { kind: 'repeated', quote };
  const timing = timingOf(quote, command);
  const useless = uselessFor(quote, command, timing);
  await note(db, node, command, quote, { effect: useless === undefined ? 'granted' : 'set-aside', timing });
  if (useless === undefined) return await grant(db, command, quote, timing !== 'in-time');
  return await putAside(db, command, quote, useless);
}

/** A quote that was withdrawn, or whose time was over at the node or here. */
function timingOf({ state, expiresAt }: QuoteRecord, { settlement }: ApplySettlement): Timing {
  if (state === 'withdrawn') return 'withdrawn';
  return state !== 'open' || settlement.settledAt > expiresAt ? 'late' : 'in-time';
}

/** Why the payment buys nothing, and what becomes of it; undefined where it buys something. */
function uselessFor(
  quote: QuoteRecord,
  { settlement, policy, gone }: ApplySettlement,
  timing: Timing,
): Pick<CreditEvent, 'reason' | 'outcome'> | undefined {
  if (settlement.receivedMsat < quote.amountMsat) return { reason: 'underpaid', outcome: policy.underpaid };
  if (timing !== 'in-time' && policy[timing] !== 'honour') return { reason: timing, outcome: policy[timing] };
  if (quote.items.every(({ table }) => gone.includes(table))) return { reason: 'table-gone', outcome: policy.tableGone };
  return undefined;
}

async function note(
  db: LedgerDatabase,
  node: bigint,
  { settlement, now, policy, gone, dayEnds }: ApplySettlement,
  quote: QuoteRecord,
  decided: Pick<SettlementsTable, 'effect' | 'timing'>,
): Promise<void> {
  await db
    .insertInto('settlements')
    .values({
      node,
      payment_hash: quote.paymentHash,
      quote: quote.id,
      ...decided,
      received_msat: settlement.receivedMsat,
      settled_at: wholeMs(settlement.settledAt),
      applied_at: wholeMs(now),
      policy: JSON.stringify(policy),
      gone: JSON.stringify(gone),
      day_ends: wholeMs(dayEnds),
    })
    .execute();
}

async function grant(db: LedgerDatabase, command: ApplySettlement, quote: QuoteRecord, late: boolean): Promise<SettlementEffect> {
  const { cursor, now, policy, gone, settlement } = command;
  await endQuote(db, quote, 'settled');
  // An open quote's credit is still set aside, and is spent by this.
  const lostMsat = quote.state === 'open' ? 0n : await takeAgain(db, quote, cursor, now);
  const grants = await addGrants(db, command, quote);
  let goneMsat = 0n;
  let prepaidMsat = 0n;
  for (const { table, terms, amountMsat } of quote.items) {
    if (gone.includes(table)) goneMsat += amountMsat;
    else if (terms.kind === 'tick') prepaidMsat += amountMsat;
  }
  const before = await balanceOf(db, quote.subscription);
  const entry = { subscription: quote.subscription, kind: 'prepaid', msat: prepaidMsat, quote: quote.id, before, now } as const;
  const balanceMsat = await enterBalance(db, entry);
  const overMsat = (settlement.receivedMsat - quote.amountMsat) as Msat;
  // Credit that is not there any more did not pay for the table either.
  const backMsat = (goneMsat > lostMsat ? goneMsat - lostMsat : 0n) as Msat;
  const credits = [
    ...(await keep(db, quote, { msat: backMsat, reason: 'table-gone', outcome: policy.tableGone }, cursor, now)),
    ...(await keep(db, quote, { msat: overMsat, reason: 'overpaid', outcome: policy.overpaid }, cursor, now)),
  ];
  return { kind: 'granted', quote: { ...quote, state: 'settled', invoiceClosed: true }, grants, balanceMsat, credits, late };
}

/** The invoice can't be paid again, so the quote has ended, and with it what was set aside for it. */
async function putAside(
  db: LedgerDatabase,
  { cursor, now, settlement }: ApplySettlement,
  quote: QuoteRecord,
  useless: Pick<CreditEvent, 'reason' | 'outcome'>,
): Promise<SettlementEffect> {
  const ended = quote.state !== 'open' ? quote.state : useless.reason === 'late' ? 'expired' : 'withdrawn';
  await endQuote(db, quote, ended);
  if (quote.state === 'open') await giveBack(db, quote, now);
  const credits = await keep(db, quote, { msat: settlement.receivedMsat, ...useless }, cursor, now);
  return { kind: 'set-aside', quote: { ...quote, state: ended, invoiceClosed: true }, credits };
}

async function endQuote(db: LedgerDatabase, { id }: QuoteRecord, state: QuoteRecord['state']): Promise<void> {
  await db.updateTable('quotes').set({ state, invoice_closed: 1n }).where('id', '=', id).execute();
}

/** Money that came a second time; the event's cursor tells it from the same event again. */
async function keepDuplicate(
  db: LedgerDatabase,
  { cursor, now, policy, settlement }: ApplySettlement,
  quote: QuoteRecord,
): Promise<SettlementEffect> {
  if (await isKeptDuplicate(db, quote.id, cursor)) return { kind: 'repeated', quote };
  const what = { msat: settlement.receivedMsat, reason: 'duplicate', outcome: policy.duplicate } as const;
  return { kind: 'set-aside', quote, credits: await keep(db, quote, what, cursor, now) };
}
