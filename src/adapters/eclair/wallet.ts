import type { Msat } from '../../core/lightning/amount.ts';
import type { CallOptions, Page, PageRequest } from '../../core/lightning/common.ts';
import { LightningError } from '../../core/lightning/errors.ts';
import { type TxId, txId } from '../../core/lightning/identifiers.ts';
import type { Wallet, WalletBalance, WalletTransaction } from '../../core/lightning/wallet.ts';
import { checkFeeRate, invalid, pageLimit, pagePosition, wholeSat } from '../shared/limits.ts';
import type { EclairClient } from './client.ts';
import { isRefusal, refusal } from './http-answer.ts';
import { toWalletTransactions } from './mapping-channels.ts';
import { type EclairOnchainEntry, hex32, onchainBalanceSchema, onchainTransactionsSchema, textSchema } from './schema.ts';

const FETCH = 500;
/** Blocks within which a transaction should confirm when no fee rate is given. */
const CONFIRMATION_TARGET = 6;

/** The wallet of the bitcoind behind eclair. */
export class EclairWallet implements Wallet {
  readonly #client: EclairClient;

  constructor(client: EclairClient) {
    this.#client = client;
  }

  async newAddress(options: CallOptions = {}): Promise<string> {
    return await this.#client.call('/getnewaddress', {}, { ...options, operation: 'wallet.newAddress', schema: textSchema });
  }

  async balance(options: CallOptions = {}): Promise<WalletBalance> {
    const { confirmed, unconfirmed } = await this.#balance('wallet.balance', options);
    return { confirmedMsat: confirmed, unconfirmedMsat: unconfirmed };
  }

  /** Oldest first, so that new ones do not shift the pages; a transaction of several addresses is one. */
  async transactions(request: PageRequest = {}, options: CallOptions = {}): Promise<Page<WalletTransaction>> {
    const operation = 'wallet.transactions';
    const limit = pageLimit(request, operation);
    const skip = pagePosition(request.after, operation);
    const entries: EclairOnchainEntry[] = [];
    for (let from = 0; ; from += FETCH) {
      const call = { ...options, operation, schema: onchainTransactionsSchema, readOnly: true } as const;
      const page = await this.#client.call('/onchaintransactions', { count: FETCH, skip: from }, call);
      entries.push(...page);
      if (page.length < FETCH) break;
    }
    const all = toWalletTransactions(entries);
    return { items: all.slice(skip, skip + limit), next: skip + limit < all.length ? String(skip + limit) : undefined };
  }

  async send(
    request: { readonly address: string; readonly amountMsat: Msat; readonly feeRateSatPerVbyte?: number },
    options: CallOptions = {},
  ): Promise<{ readonly txId: TxId }> {
    const operation = 'wallet.send';
    const amountSatoshis = wholeSat(request.amountMsat, 'what is sent', operation);
    if (amountSatoshis === 0) throw invalid(operation, 'nothing is sent');
    checkFeeRate(request.feeRateSatPerVbyte, operation);
    const fee =
      request.feeRateSatPerVbyte === undefined
        ? { confirmationTarget: CONFIRMATION_TARGET }
        : { feeRatePerByte: Math.max(1, Math.round(request.feeRateSatPerVbyte)) };
    try {
      const form = { address: request.address, amountSatoshis, ...fee };
      const sent = await this.#client.call('/sendonchain', form, { ...options, operation, schema: hex32, rawRefusal: true });
      return { txId: txId(sent) };
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (error.status >= 500) {
        const { confirmed, unconfirmed } = await this.#balance(operation, options);
        if (confirmed + unconfirmed <= request.amountMsat) {
          throw new LightningError('INSUFFICIENT_FUNDS', 'the wallet holds less than what is sent and its fee', {
            operation,
            cause: error,
          });
        }
      }
      throw refusal(error, operation, { place: 'eclair' });
    }
  }

  async #balance(operation: string, options: CallOptions): Promise<{ readonly confirmed: Msat; readonly unconfirmed: Msat }> {
    return await this.#client.call('/onchainbalance', {}, { ...options, operation, schema: onchainBalanceSchema, readOnly: true });
  }
}
