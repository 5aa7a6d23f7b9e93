import { resolve } from 'node:path';
import type { Logger } from '../../core/ports/logger.ts';
import type { PaymentIntents } from '../../core/ports/payment-intents.ts';
import type { Purchases } from '../../core/ports/purchases.ts';
import type { SettlementLog } from '../../core/ports/settlement-log.ts';
import { LedgerThread } from '../ledger/ledger-thread.ts';
import { intentsOf, settlementLogOf } from '../ledger/sqlite-ledger.ts';

/** The purchases of a store, and what its node's adapter keeps, in one SQLite file. Disposing of it commits what was sent and frees the file. */
export interface SqlitePurchases extends AsyncDisposable {
  readonly purchases: Purchases;
  readonly intents: PaymentIntents;
  readonly settlementLog: SettlementLog;
  /** The file; `:memory:` where it has none. */
  readonly path: string;
}

/**
 * Opens a store's database on a thread of its own; makes it, with its folder, where it is not there.
 * @throws LedgerError `LOCKED` by another process, `CORRUPT`, `NEWER`, `FULL`, `IO`; the message names the path.
 */
export async function openSqlitePurchases(options: { readonly path: string; readonly logger: Logger }): Promise<SqlitePurchases> {
  const path = options.path === ':memory:' ? options.path : resolve(options.path);
  const thread = new LedgerThread(path, 'purchases');
  const { foundVersion, version } = await thread.opened();
  options.logger.debug({ path, foundVersion, version }, 'the store of purchases is open');
  return {
    purchases: {
      create: (purchase) => thread.call('purchases', 'create', purchase),
      byLink: (digest) => thread.call('purchases', 'byLink', digest),
      byHash: (node, hash) => thread.call('purchases', 'byHash', node, hash),
      openPurchases: (node) => thread.call('purchases', 'openPurchases', node),
      expireQuotes: (node, now) => thread.call('purchases', 'expireQuotes', node, now),
      invoicesToCancel: (node) => thread.call('purchases', 'invoicesToCancel', node),
      invoiceClosed: (id) => thread.call('purchases', 'invoiceClosed', id),
      pruneQuotes: (node, before, limit) => thread.call('purchases', 'pruneQuotes', node, before, limit),
      applySettlement: (command) => thread.call('purchases', 'applySettlement', command),
      countDelivery: (id, now) => thread.call('purchases', 'countDelivery', id, now),
      addBrokenOff: (id, bytes) => thread.call('purchases', 'addBrokenOff', id, bytes),
      keepAnswer: (id, answer) => thread.call('purchases', 'keepAnswer', id, answer),
      answer: (id) => thread.call('purchases', 'answer', id),
      noteUndeliverable: (id, now) => thread.call('purchases', 'noteUndeliverable', id, now),
      refunds: () => thread.call('purchases', 'refunds'),
      refundDone: (id, now) => thread.call('purchases', 'refundDone', id, now),
      list: (request) => thread.call('purchases', 'list', request),
      counts: () => thread.call('purchases', 'counts'),
      cursor: (node) => thread.call('purchases', 'cursor', node),
      saveCursor: (node, cursor) => thread.call('purchases', 'saveCursor', node, cursor),
    },
    intents: intentsOf(thread),
    settlementLog: settlementLogOf(thread),
    path,
    [Symbol.asyncDispose]: () => thread[Symbol.asyncDispose](),
  };
}
