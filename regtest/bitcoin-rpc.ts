import { type TxId, txId } from '../src/core/lightning/identifiers.ts';
import type { RegtestBitcoin } from './network.ts';

/** Where a bitcoind's JSON-RPC is. */
export interface BitcoinRpcConfig {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly wallet: string;
}

/** bitcoind said no. `code` is its own, for example -5 for an unknown transaction. */
export class BitcoinRpcError extends Error {
  override readonly name = 'BitcoinRpcError';
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

const UNKNOWN_TRANSACTION = -5;
const WALLET_EXISTS = -4;
const DEADLINE_MS = 30_000;
const SAT_PER_BTC = 100_000_000;
const COINBASE_MATURITY = 100;

/** A bitcoind in regtest mode over its JSON-RPC. */
export class BitcoinRpc implements RegtestBitcoin {
  readonly #config: BitcoinRpcConfig;

  constructor(config: BitcoinRpcConfig) {
    this.#config = config;
  }

  /** One call; `wallet` false for those that are not the wallet's. */
  async call<T>(method: string, params: readonly unknown[] = [], wallet = true): Promise<T> {
    const { url, user, password } = this.#config;
    const response = await fetch(wallet ? `${url}/wallet/${this.#config.wallet}` : url, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`, 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '1.0', id: method, method, params }),
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    if (response.status === 401) throw new BitcoinRpcError(401, 'bitcoind refused user and password');
    const answer = (await response.json()) as { result: T; error: { code: number; message: string } | null };
    if (answer.error !== null) throw new BitcoinRpcError(answer.error.code, `${method}: ${answer.error.message}`);
    return answer.result;
  }

  /** Makes or loads the wallet and mines until it has coins to spend. */
  async prepareWallet(): Promise<void> {
    const { wallet } = this.#config;
    const loaded = await this.call<string[]>('listwallets', [], false);
    if (!loaded.includes(wallet)) {
      try {
        await this.call('createwallet', [wallet], false);
      } catch (error) {
        if (!(error instanceof BitcoinRpcError && error.code === WALLET_EXISTS)) throw error;
        await this.call('loadwallet', [wallet], false);
      }
    }
    if ((await this.call<number>('getbalance')) === 0) await this.mine(COINBASE_MATURITY + 50);
  }

  /** Mines to the wallet; does not wait for anybody to see the blocks. */
  async mine(blocks: number): Promise<void> {
    await this.call('generatetoaddress', [blocks, await this.newAddress()]);
  }

  async sendToAddress(address: string, sat: number): Promise<TxId> {
    return txId(await this.call<string>('sendtoaddress', [address, (sat / SAT_PER_BTC).toFixed(8)]));
  }

  async getTransaction(id: TxId): Promise<{ readonly confirmations: number } | undefined> {
    try {
      const { confirmations } = await this.call<{ confirmations?: number }>('getrawtransaction', [id, true], false);
      return { confirmations: confirmations ?? 0 };
    } catch (error) {
      if (error instanceof BitcoinRpcError && error.code === UNKNOWN_TRANSACTION) return undefined;
      throw error;
    }
  }

  async height(): Promise<number> {
    return await this.call<number>('getblockcount', [], false);
  }

  async newAddress(): Promise<string> {
    return await this.call<string>('getnewaddress');
  }
}
