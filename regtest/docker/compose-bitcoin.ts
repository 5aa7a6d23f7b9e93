import { type TxId, txId } from '../../src/core/lightning/identifiers.ts';
import type { RegtestBitcoin } from '../network.ts';
import { type Compose, REGTEST_LOGIN } from './compose.ts';

const WALLET = 'miner';
const SAT_PER_BTC = 100_000_000;
const COINBASE_MATURITY = 100;
/** bitcoin-cli says it with the code of the RPC error. */
const UNKNOWN_TRANSACTION = /error code: -5\b/;

/** The bitcoind of a compose project, by `bitcoin-cli` inside its container. */
export class ComposeBitcoin implements RegtestBitcoin {
  readonly #compose: Compose;

  constructor(compose: Compose) {
    this.#compose = compose;
  }

  /** Makes the wallets, and mines until the miner's has coins to spend. */
  async prepare(otherWallets: readonly string[]): Promise<void> {
    for (const wallet of [WALLET, ...otherWallets]) await this.#cli([], 'createwallet', wallet);
    await this.mine(COINBASE_MATURITY + 50);
  }

  /** Mines to the miner's wallet; does not wait for anybody to see the blocks. */
  async mine(blocks: number): Promise<void> {
    await this.#wallet('generatetoaddress', String(blocks), await this.newAddress());
  }

  async sendToAddress(address: string, sat: number): Promise<TxId> {
    return txId(await this.#wallet('sendtoaddress', address, (sat / SAT_PER_BTC).toFixed(8)));
  }

  async getTransaction(id: TxId): Promise<{ readonly confirmations: number } | undefined> {
    try {
      const { confirmations = 0 } = JSON.parse(await this.#cli([], 'getrawtransaction', id, 'true')) as { confirmations?: number };
      return { confirmations };
    } catch (error) {
      if (UNKNOWN_TRANSACTION.test((error as Error).message)) return undefined;
      throw error;
    }
  }

  async height(): Promise<number> {
    return Number(await this.#cli([], 'getblockcount'));
  }

  async newAddress(): Promise<string> {
    return await this.#wallet('getnewaddress');
  }

  #wallet(...call: readonly string[]): Promise<string> {
    return this.#cli([`-rpcwallet=${WALLET}`], ...call);
  }

  async #cli(options: readonly string[], ...call: readonly string[]): Promise<string> {
    const login = [`-rpcuser=${REGTEST_LOGIN.user}`, `-rpcpassword=${REGTEST_LOGIN.password}`];
    return await this.#compose.exec('bitcoind', 'bitcoin-cli', '-regtest', ...login, ...options, ...call);
  }
}
