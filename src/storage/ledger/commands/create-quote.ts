import type { NewQuote, QuoteRecord } from '../../../core/ports/ledger.ts';
import { toQuote, wholeMs } from '../mapping.ts';
import type { LedgerDatabase } from './handlers.ts';
import { numberOfNode } from './nodes.ts';
import { quote as quoteById, quoteByKey, selectQuotes } from './quotes.ts';

/**
 * Makes a quote durable, and its subscription where there is none yet. Whether its key has a quote already is decided here, inside
 * the transaction; the same id a second time is the same command again, and answered alike.
 */
export async function createQuote(
  db: LedgerDatabase,
  quote: NewQuote,
): Promise<{ readonly created: boolean; readonly quote: QuoteRecord }> {
  const existing = (await quoteById(db, quote.id)) ?? (quote.key === undefined ? undefined : await quoteByKey(db, quote.key));
  if (existing !== undefined) return { created: false, quote: existing };
  await db
    .insertInto('subscriptions')
    .values({
      id: quote.subscription,
      token_id: quote.newSubscription.tokenId,
      root_key: quote.newSubscription.rootKey,
      created_at: wholeMs(quote.createdAt),
    })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
  await db
    .insertInto('quotes')
    .values({
      id: quote.id,
      subscription: quote.subscription,
      node: await numberOfNode(db, quote.node),
      state: 'open',
      key: quote.key ?? null,
      request: quote.request ?? null,
      items: JSON.stringify(quote.items),
      amount_msat: quote.amountMsat,
      payment_hash: quote.paymentHash,
      payment_request: quote.paymentRequest,
      created_at: wholeMs(quote.createdAt),
      expires_at: wholeMs(quote.expiresAt),
      lasts_ms: wholeMs(quote.lastsMs),
    })
    .execute();
  return { created: true, quote: toQuote(await selectQuotes(db).where('quotes.id', '=', quote.id).executeTakeFirstOrThrow()) };
}
