import { applySettlement } from './apply-settlement.ts';
import { createQuote } from './create-quote.ts';
import { cursor, saveCursor } from './cursors.ts';
import { deviceCommands } from './devices/all.ts';
import { neededFrom } from './grants.ts';
import type { LedgerHandlers } from './handlers.ts';
import { lease, reclaimLeases, recordUse } from './leases.ts';
import { begin, find, findKeysend, record } from './payment-intents.ts';
import { expireQuotes, invoiceClosed, invoicesToCancel, openQuotes, quote, quoteByHash, quoteByKey, withdrawQuote } from './quotes.ts';
import { refundDone, refunds } from './refunds.ts';
import { after, append, checkpoint, head, saveCheckpoint } from './settlement-log.ts';
import { counts, setUnsubscribed, subscription, subscriptionByToken } from './subscriptions.ts';
import { upkeep } from './upkeep.ts';

/** The commands by port and name; the compiler sees to it that none is missing. */
export const HANDLERS: LedgerHandlers = {
  ledger: {
    createQuote,
    quote,
    quoteByKey,
    quoteByHash,
    openQuotes,
    expireQuotes,
    withdrawQuote,
    invoicesToCancel,
    invoiceClosed,
    applySettlement,
    cursor,
    saveCursor,
    subscription,
    subscriptionByToken,
    setUnsubscribed,
    lease,
    recordUse,
    reclaimLeases,
    neededFrom,
    refunds,
    refundDone,
    counts,
    ...upkeep,
    ...deviceCommands,
  },
  intents: { find, findKeysend, begin, record },
  settlementLog: { append, after, head, checkpoint, saveCheckpoint },
};
