import type { Msat } from '../../core/lightning/amount.ts';
import type { CallOptions, Page, PageRequest } from '../../core/lightning/common.ts';
import { LightningError } from '../../core/lightning/errors.ts';
import { type TxId, txId } from '../../core/lightning/identifiers.ts';
import type { Wallet, WalletBalance, WalletTransaction } from '../../core/lightning/wallet.ts';
import { isBitcoinAddress } from '../shared/bitcoin-address.ts';
import { checkFeeRate, invalid, pageLimit, pagePosition, wholeSat } from '../shared/limits.ts';
import type { ClnClient } from './client.ts';
import { toWalletBalance, toWalletTransaction } from './mapping-wallet.ts';
import { getInfoSchema } from './schema.ts';
import { listFundsSchema, listTransactionsSchema, newAddressSchema, withdrawSchema } from './schema-wallet.ts';
import { toWireFeeRate } from './wire-values.ts';

/** lightningd's own wallet. */
export class ClnWallet implements Wallet {
  readonly #client: ClnClient;

  constructor(client: ClnClient) {
    this.#client = client;
  }

  async newAddress(options: CallOptions = {}): Promise<string> {
    const operation = 'wallet.newAddress';
    const made = await this.#client.call('newaddr', { addresstype: 'p2tr' }, { ...options, operation, schema: newAddressSchema });
    const address = made.p2tr ?? made.bech32;
    if (address === undefined) throw new LightningError('PROTOCOL', 'lightningd made an address and did not tell it', { operation });
    return address;
  }

  async balance(options: CallOptions = {}): Promise<WalletBalance> {
    const call = { ...options, operation: 'wallet.balance', schema: listFundsSchema, readOnly: true } as const;
    return toWalletBalance((await this.#client.call('listfunds', {}, call)).outputs);
  }

  async transactions(request: PageRequest = {}, options: CallOptions = {}): Promise<Page<WalletTransaction>> {
    const operation = 'wallet.transactions';
    const limit = pageLimit(request, operation);
    const skip = pagePosition(request.after, operation);
    const common = { ...options, operation, readOnly: true } as const;
    const { transactions } = await this.#client.call('listtransactions', {}, { ...common, schema: listTransactionsSchema });
    const { outputs } = await this.#client.call('listfunds', { spent: true }, { ...common, schema: listFundsSchema });
    const { blockheight } = await this.#client.call('getinfo', {}, { ...common, schema: getInfoSchema });
    const ours = new Map(outputs.map((output) => [`${output.txid}:${output.output}`, output.amount_msat]));
    const page = transactions.slice(skip, skip + limit);
    return {
      items: page.map((transaction) => toWalletTransaction(transaction, ours, blockheight)),
      next: skip + limit < transactions.length ? String(skip + limit) : undefined,
    };
  }

  async send(
    request: { readonly address: string; readonly amountMsat: Msat; readonly feeRateSatPerVbyte?: number },
    options: CallOptions = {},
  ): Promise<{ readonly txId: TxId }> {
    const operation = 'wallet.send';
    const satoshi = wholeSat(request.amountMsat, 'what is sent', operation);
    if (satoshi === 0) throw invalid(operation, 'nothing is sent');
    checkFeeRate(request.feeRateSatPerVbyte, operation);
    const { network } = await this.#client.identity(options.signal);
    if (!isBitcoinAddress(request.address, network)) throw invalid(operation, `not a Bitcoin address on ${network}`);
    const params = {
      destination: request.address,
      satoshi,
      ...(request.feeRateSatPerVbyte === undefined ? {} : { feerate: toWireFeeRate(request.feeRateSatPerVbyte) }),
    };
    const sent = await this.#client.call('withdraw', params, { ...options, operation, schema: withdrawSchema });
    return { txId: txId(sent.txid) };
  }
}
