import { type Msat, sat, toSatExact } from '../../../core/lightning/amount.ts';
import type { CallOptions, Page, PageRequest } from '../../../core/lightning/common.ts';
import { LightningError } from '../../../core/lightning/errors.ts';
import { type TxId, txId } from '../../../core/lightning/identifiers.ts';
import type { Wallet, WalletBalance, WalletTransaction } from '../../../core/lightning/wallet.ts';
import { toTransaction } from '../mapping/node.ts';
import { lndAddress, lndSent, lndTransactions, lndWalletBalance } from '../schema/node.ts';
import { type LndContext, toRange } from './context.ts';

const SEND = 'wallet.send';

/** lnd's on-chain money. */
export class LndWallet implements Wallet {
  readonly #context: LndContext;

  constructor(context: LndContext) {
    this.#context = context;
  }

  async newAddress(options: CallOptions = {}): Promise<string> {
    const { address } = await this.#context.client.unary(
      {
        operation: 'wallet.newAddress',
        service: 'default',
        method: 'newAddress',
        request: { type: 'WITNESS_PUBKEY_HASH' },
        schema: lndAddress,
      },
      options,
    );
    return address;
  }

  async balance(options: CallOptions = {}): Promise<WalletBalance> {
    const balance = await this.#context.client.unary(
      { operation: 'wallet.balance', service: 'default', method: 'walletBalance', request: {}, schema: lndWalletBalance },
      options,
    );
    return { confirmedMsat: sat(balance.confirmed_balance), unconfirmedMsat: sat(balance.unconfirmed_balance) };
  }

  /** Newest first, as lnd has them. Cut into pages here: lnd's own paging came late (0.18.4). */
  async transactions(request: PageRequest = {}, options: CallOptions = {}): Promise<Page<WalletTransaction>> {
    const { offset, limit } = toRange(request, 'wallet.transactions');
    const { transactions } = await this.#context.client.unary(
      {
        operation: 'wallet.transactions',
        service: 'default',
        method: 'getTransactions',
        request: { end_height: -1 },
        schema: lndTransactions,
      },
      options,
    );
    const from = Number(offset);
    const items = transactions.slice(from, from + limit).map(toTransaction);
    return { items, next: from + limit < transactions.length ? String(from + limit) : undefined };
  }

  async send(
    request: { readonly address: string; readonly amountMsat: Msat; readonly feeRateSatPerVbyte?: number },
    options: CallOptions = {},
  ): Promise<{ readonly txId: TxId }> {
    const { address, amountMsat, feeRateSatPerVbyte } = request;
    const { txid } = await this.#context.client.unary(
      {
        operation: SEND,
        service: 'default',
        method: 'sendCoins',
        request: {
          addr: address,
          amount: wholeSat(amountMsat),
          ...(feeRateSatPerVbyte !== undefined && { sat_per_vbyte: String(feeRateSatPerVbyte) }),
        },
        schema: lndSent,
      },
      options,
    );
    return { txId: txId(txid) };
  }
}

function wholeSat(amount: Msat): string {
  try {
    const whole = toSatExact(amount);
    if (whole > 0n) return whole.toString();
  } catch {
    // Told below, together with zero.
  }
  throw new LightningError('INVALID_ARGUMENT', 'the amount is not a whole number of satoshi above 0', { operation: SEND });
}
