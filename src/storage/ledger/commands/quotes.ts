import { type SelectQueryBuilder, sql } from 'kysely';
import type { NodeIdentity } from '../../../core/lightning/backend.ts';
import type { PaymentHash } from '../../../core/lightning/identifiers.ts';
import type { QuoteRecord } from '../../../core/ports/ledger.ts';
import { type QuoteRow, toQuote, wholeMs } from '../mapping.ts';
import type { LedgerTables } from '../tables.ts';
import { giveBack } from './credit.ts';
import type { LedgerDatabase } from './handlers.ts';
import { findNode } from './nodes.ts';

// Written out in the SQL, not bound: only so does SQLite use the indexes over a part of the quotes.
const OPEN = sql.lit('open' as const);
const SETTLED = sql.lit('settled' as const);
const EXPIRED = sql.lit('expired' as const);
const WITHDRAWN = sql.lit('withdrawn' as const);

/** Quotes with their nodes. */
export function selectQuotes(db: LedgerDatabase): SelectQueryBuilder<LedgerTables, 'quotes' | 'nodes', QuoteRow> {
  return db
    .selectFrom('quotes')
    .innerJoin('nodes', 'nodes.number', 'quotes.node')
    .selectAll('quotes')
    .select(['nodes.network', 'nodes.node_id']);
}

/** A quote by its id. */
export async function quote(db: LedgerDatabase, id: string): Promise<QuoteRecord | undefined> {
  const row = await selectQuotes(db).where('quotes.id', '=', id).executeTakeFirst();
  return row && toQuote(row);
}

/** The newest open or settled quote under a key. */
export async function quoteByKey(db: LedgerDatabase, key: string): Promise<QuoteRecord | undefined> {
  const row = await selectQuotes(db)
    .where('quotes.key', '=', key)
    .where('quotes.state', 'in', [OPEN, SETTLED])
    .orderBy('quotes.created_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row && toQuote(row);
}

/** The quote that a node's invoice belongs to. */
export async function quoteByHash(db: LedgerDatabase, node: NodeIdentity, hash: PaymentHash): Promise<QuoteRecord | undefined> {
  const number = await findNode(db, node);
  if (number === undefined) return undefined;
  const row = await selectQuotes(db).where('quotes.node', '=', number).where('quotes.payment_hash', '=', hash).executeTakeFirst();
  return row && toQuote(row);
}

/** Open quotes, the first to expire first. */
export async function openQuotes(db: LedgerDatabase, node: NodeIdentity): Promise<readonly QuoteRecord[]> {
  const number = await findNode(db, node);
  if (number === undefined) return [];
  const rows = await selectQuotes(db)
    .where('quotes.node', '=', number)
    .where('quotes.state', '=', OPEN)
    .orderBy('quotes.expires_at')
    .execute();
  return rows.map(toQuote);
}

/** Compare-and-set: what a settlement made `settled` is not open any more, and stays. What was set aside goes back. */
export async function expireQuotes(db: LedgerDatabase, node: NodeIdentity, now: number): Promise<readonly QuoteRecord[]> {
  const number = await findNode(db, node);
  if (number === undefined) return [];
  const rows = await db
    .updateTable('quotes')
    .set({ state: 'expired' })
    .where('node', '=', number)
    .where('state', '=', OPEN)
    .where('expires_at', '<=', wholeMs(now))
    .returningAll()
    .execute();
  const expired = rows.map((row) => toQuote({ ...row, network: node.network, node_id: node.nodeId }));
  for (const each of expired) await giveBack(db, each, now);
  return expired;
}

/** The same compare-and-set for one quote. */
export async function withdrawQuote(db: LedgerDatabase, id: string, now: number): Promise<QuoteRecord | undefined> {
  const row = await db
    .updateTable('quotes')
    .set({ state: 'withdrawn' })
    .where('id', '=', id)
    .where('state', '=', OPEN)
    .returning('id')
    .executeTakeFirst();
  const withdrawn = row && (await quote(db, id));
  if (withdrawn !== undefined) await giveBack(db, withdrawn, now);
  return withdrawn;
}

/** Quotes that ended unpaid and whose invoice may still be payable. */
export async function invoicesToCancel(db: LedgerDatabase, node: NodeIdentity): Promise<readonly QuoteRecord[]> {
  const number = await findNode(db, node);
  if (number === undefined) return [];
  const rows = await selectQuotes(db)
    .where('quotes.node', '=', number)
    .where('quotes.state', 'in', [EXPIRED, WITHDRAWN])
    .where('quotes.invoice_closed', '=', sql.lit(0n))
    .orderBy('quotes.expires_at')
    .execute();
  return rows.map(toQuote);
}

/** Nothing is left to do at the node for this quote. */
export async function invoiceClosed(db: LedgerDatabase, id: string): Promise<void> {
  await db.updateTable('quotes').set({ invoice_closed: 1n }).where('id', '=', id).execute();
}
