import { resolve } from 'node:path';
import type { DeviceLedger } from '../../core/ports/device-ledger.ts';
import type { Ledger } from '../../core/ports/ledger.ts';
import type { LedgerUpkeep } from '../../core/ports/ledger-upkeep.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { PaymentIntents } from '../../core/ports/payment-intents.ts';
import type { SettlementLog } from '../../core/ports/settlement-log.ts';
import type { CopiedLedger } from './file/copy-pages.ts';
import { LedgerThread } from './ledger-thread.ts';

/** Three ports on one SQLite file. Disposing of it, or of its `ledger`, commits what was sent and frees the file. */
export interface SqliteLedger extends AsyncDisposable {
  readonly ledger: Ledger;
  readonly intents: PaymentIntents;
  readonly settlementLog: SettlementLog;
  /** The file; `:memory:` where it has none. */
  readonly path: string;
  /**
   * Copies the ledger as it is committed at this moment, while everything goes on: checked page by page, sealed, mode 0600, under
   * its name when it is complete and on the disk. @throws LedgerError `CONFLICT` where the target is there (unless it may be
   * replaced) or is the ledger itself, `CORRUPT`, `FULL`, `IO`.
   */
  backup(target: string, options?: { readonly overwrite?: boolean }): Promise<CopiedLedger>;
}

/** What {@link openSqliteLedger} needs. */
export interface SqliteLedgerOptions {
  /** The file, made with its folder where it is not there; `:memory:` for one that is gone with the process. */
  readonly path: string;
  readonly logger: Logger;
}

/**
 * Opens the ledger on a thread of its own; brings an older one forward.
 * @throws LedgerError `LOCKED` by another process, `CORRUPT`, `NEWER`, `FULL`, `IO`; the message names the path.
 */
export async function openSqliteLedger(options: SqliteLedgerOptions): Promise<SqliteLedger> {
  const path = options.path === ':memory:' ? options.path : resolve(options.path);
  const thread = new LedgerThread(path);
  const { foundVersion, version } = await thread.opened();
  if (foundVersion === 0) options.logger.info({ path, version }, 'ledger made');
  else if (foundVersion < version) options.logger.info({ path, from: foundVersion, to: version }, 'ledger brought forward');
  else options.logger.debug({ path, version }, 'ledger opened');
  const dispose = (): Promise<void> => thread[Symbol.asyncDispose]();
  return {
    ledger: ledgerOf(thread, dispose),
    intents: intentsOf(thread),
    settlementLog: settlementLogOf(thread),
    path,
    backup: (target, { overwrite = false } = {}) => thread.copy(resolve(target), overwrite),
    [Symbol.asyncDispose]: dispose,
  };
}

function ledgerOf(thread: LedgerThread, dispose: () => Promise<void>): Ledger {
  return {
    createQuote: (quote) => thread.call('ledger', 'createQuote', quote),
    quote: (id) => thread.call('ledger', 'quote', id),
    quoteByKey: (key) => thread.call('ledger', 'quoteByKey', key),
    quoteByHash: (node, hash) => thread.call('ledger', 'quoteByHash', node, hash),
    openQuotes: (node) => thread.call('ledger', 'openQuotes', node),
    expireQuotes: (node, now) => thread.call('ledger', 'expireQuotes', node, now),
    withdrawQuote: (id, now) => thread.call('ledger', 'withdrawQuote', id, now),
    invoicesToCancel: (node) => thread.call('ledger', 'invoicesToCancel', node),
    invoiceClosed: (quote) => thread.call('ledger', 'invoiceClosed', quote),
    applySettlement: (command) => thread.call('ledger', 'applySettlement', command),
    cursor: (node, source) => thread.call('ledger', 'cursor', node, source),
    saveCursor: (node, cursor, source) => thread.call('ledger', 'saveCursor', node, cursor, source),
    subscription: (id) => thread.call('ledger', 'subscription', id),
    subscriptionByToken: (tokenId) => thread.call('ledger', 'subscriptionByToken', tokenId),
    setUnsubscribed: (subscription, table, syms) => thread.call('ledger', 'setUnsubscribed', subscription, table, syms),
    lease: (subscription, msat, now) => thread.call('ledger', 'lease', subscription, msat, now),
    recordUse: (use) => thread.call('ledger', 'recordUse', use),
    reclaimLeases: (now) => thread.call('ledger', 'reclaimLeases', now),
    neededFrom: (now) => thread.call('ledger', 'neededFrom', now),
    refunds: () => thread.call('ledger', 'refunds'),
    refundDone: (id, now) => thread.call('ledger', 'refundDone', id, now),
    counts: () => thread.call('ledger', 'counts'),
    ...upkeepOf(thread),
    ...devicesOf(thread),
    [Symbol.asyncDispose]: dispose,
  };
}

function upkeepOf(thread: LedgerThread): LedgerUpkeep {
  return {
    endDay: (command) => thread.call('ledger', 'endDay', command),
    lastDay: () => thread.call('ledger', 'lastDay'),
    takeEndOfDay: (subscription, heard) => thread.call('ledger', 'takeEndOfDay', subscription, heard),
    highestEpoch: () => thread.call('ledger', 'highestEpoch'),
    noteEpoch: (epoch) => thread.call('ledger', 'noteEpoch', epoch),
    revoke: (name, now) => thread.call('ledger', 'revoke', name, now),
    pruneQuotes: (node, before, limit) => thread.call('ledger', 'pruneQuotes', node, before, limit),
  };
}

function devicesOf(thread: LedgerThread): DeviceLedger {
  return {
    addDevice: (device) => thread.call('ledger', 'addDevice', device),
    device: (id) => thread.call('ledger', 'device', id),
    devices: () => thread.call('ledger', 'devices'),
    revokeDevice: (idOrName, now) => thread.call('ledger', 'revokeDevice', idOrName, now),
    createDeviceInvoice: (invoice) => thread.call('ledger', 'createDeviceInvoice', invoice),
    deviceInvoice: (id) => thread.call('ledger', 'deviceInvoice', id),
    deviceInvoiceByKey: (device, key) => thread.call('ledger', 'deviceInvoiceByKey', device, key),
    deviceInvoiceTimes: (device, now) => thread.call('ledger', 'deviceInvoiceTimes', device, now),
    openDeviceInvoices: (node) => thread.call('ledger', 'openDeviceInvoices', node),
    expireDeviceInvoices: (node, now) => thread.call('ledger', 'expireDeviceInvoices', node, now),
    deviceInvoicesToCancel: (node) => thread.call('ledger', 'deviceInvoicesToCancel', node),
    deviceInvoiceClosed: (id) => thread.call('ledger', 'deviceInvoiceClosed', id),
    pruneDeviceInvoices: (node, before, limit) => thread.call('ledger', 'pruneDeviceInvoices', node, before, limit),
    unacknowledged: (device, limit) => thread.call('ledger', 'unacknowledged', device, limit),
    devicesToTell: () => thread.call('ledger', 'devicesToTell'),
    acknowledgeSettlements: (device, ids, now) => thread.call('ledger', 'acknowledgeSettlements', device, ids, now),
  };
}

/** Payments that were begun, in a database of ours. */
export function intentsOf(thread: LedgerThread): PaymentIntents {
  return {
    find: (node, hash) => thread.call('intents', 'find', node, hash),
    findKeysend: (node, key) => thread.call('intents', 'findKeysend', node, key),
    begin: (intent) => thread.call('intents', 'begin', intent),
    record: (node, hash, outcome) => thread.call('intents', 'record', node, hash, outcome),
  };
}

/** The order of first observation, in a database of ours. */
export function settlementLogOf(thread: LedgerThread): SettlementLog {
  return {
    append: (node, settlements) => thread.call('settlementLog', 'append', node, settlements),
    after: (node, position, limit) => thread.call('settlementLog', 'after', node, position, limit),
    head: (node) => thread.call('settlementLog', 'head', node),
    checkpoint: (node) => thread.call('settlementLog', 'checkpoint', node),
    saveCheckpoint: (node, checkpoint) => thread.call('settlementLog', 'saveCheckpoint', node, checkpoint),
  };
}
