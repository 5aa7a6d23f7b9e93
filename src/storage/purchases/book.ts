import type { Book } from '../ledger/book.ts';
import { cursor, saveCursor } from '../ledger/commands/cursors.ts';
import { begin, find, findKeysend, record } from '../ledger/commands/payment-intents.ts';
import { after, append, checkpoint, head, saveCheckpoint } from '../ledger/commands/settlement-log.ts';
import { addBrokenOff, answer, countDelivery, keepAnswer } from './commands/deliveries.ts';
import { noteUndeliverable, refundDone, refunds } from './commands/refunds.ts';
import {
  byHash,
  byLink,
  counts,
  create,
  expireQuotes,
  invoiceClosed,
  invoicesToCancel,
  list,
  openPurchases,
  pruneQuotes,
} from './commands/sales.ts';
import { applySettlement } from './commands/settlements.ts';
import type { PurchaseHandlers } from './handlers.ts';
import { PURCHASE_MIGRATIONS } from './migrations.ts';

const HANDLERS: PurchaseHandlers = {
  purchases: {
    create,
    byLink,
    byHash,
    openPurchases,
    expireQuotes,
    invoicesToCancel,
    invoiceClosed,
    pruneQuotes,
    applySettlement,
    countDelivery,
    addBrokenOff,
    keepAnswer,
    answer,
    noteUndeliverable,
    refunds,
    refundDone,
    list,
    counts,
    cursor: cursor as never,
    saveCursor: saveCursor as never,
  },
};

/** The book of a store of single items: the ledger's machinery with other tables. "LTPs" is SQLite's mark of whose file it is. */
export const PURCHASE_BOOK: Book = {
  applicationId: 0x4c545073,
  migrations: PURCHASE_MIGRATIONS,
  handlers: {
    ...HANDLERS,
    intents: { begin, find, findKeysend, record },
    settlementLog: { append, after, head, checkpoint, saveCheckpoint },
  },
};
