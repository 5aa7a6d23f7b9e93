import { LedgerError, type NewQuote, type QuoteRecord } from '../../../core/ports/ledger.ts';
import { formatItems } from '../items.ts';
import { toQuote, wholeMs } from '../mapping.ts';
import { setAside } from './credit.ts';
import type { LedgerDatabase } from './handlers.ts';
import { numberOfNode } from './nodes.ts';
import { quote as quoteById, quoteByKey } from './quotes.ts';

/**
 * Makes a quote durable, and its subscription where there is none yet, and takes the credit that it counts on. Whether its key has a quote already is decided here, inside
 * the transaction; the same id a second time is the same command again, and answered alike.
 * @throws LedgerError `CONFLICT` where there is less credit, or the price is not what the items cost.
 */
export async function createQuote(
  db: LedgerDatabase,
  quote: NewQuote,
): Promise<{ readonly created: boolean; readonly quote: QuoteRecord }> {
  const existing = (await quoteById(db, quote.id)) ?? (quote.key === undefined ? undefined : await quoteByKey(db, quote.key));
  if (existing !== undefined) return { created: false, quote: existing };
  const price = quote.items.reduce((sum, { amountMsat }) => sum + amountMsat, 0n);
  if (price !== quote.amountMsat + quote.creditMsat)
    throw new LedgerError(
      'CONFLICT',
      `the items of a quote cost ${price} msat, and it asks for ${quote.amountMsat} and ${quote.creditMsat} of credit`,
    );
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
  const row = await db
    .insertInto('quotes')
    .values({
      id: quote.id,
      subscription: quote.subscription,
      node: await numberOfNode(db, quote.node),
      state: 'open',
      key: quote.key ?? null,
      request: quote.request ?? null,
      items: formatItems(quote.items),
      reason: quote.reason,
      amount_msat: quote.amountMsat,
      credit_msat: quote.creditMsat,
      payment_hash: quote.paymentHash,
      payment_request: quote.paymentRequest,
      created_at: wholeMs(quote.createdAt),
      expires_at: wholeMs(quote.expiresAt),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await setAside(db, quote, quote.createdAt);
  return { created: true, quote: toQuote({ ...row, network: quote.node.network, node_id: quote.node.nodeId }) };
}
