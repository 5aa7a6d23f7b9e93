import { bech32 } from '@scure/base';
import type { SimnetControl } from '../../src/adapters/simulated/gateway/control-calls.ts';
import { sat } from '../../src/core/lightning/amount.ts';
import type { TxId } from '../../src/core/lightning/identifiers.ts';
import type { Random } from '../../src/core/ports/random.ts';
import type { RegtestBitcoin } from '../network.ts';

const WITNESS_VERSION = 0;
const KEY_HASH_BYTES = 20;

/** The simulated chain as a Bitcoin node's calls. Its miner pays. */
export class EmulatedBitcoin implements RegtestBitcoin {
  readonly #control: SimnetControl;
  readonly #random: Random;

  constructor(control: SimnetControl, random: Random) {
    this.#control = control;
    this.#random = random;
  }

  async sendToAddress(address: string, amountSat: number): Promise<TxId> {
    return (await this.#control.call('sendToAddress', { address, amountMsat: sat(amountSat) })).txId;
  }

  async getTransaction(txId: TxId): Promise<{ readonly confirmations: number } | undefined> {
    const transaction = await this.#control.call('transaction', { txId });
    return transaction === null ? undefined : { confirmations: transaction.confirmations };
  }

  async height(): Promise<number> {
    return await this.#control.call('height', {});
  }

  /** An address of none of the Lightning nodes: what is sent there has left the network. */
  async newAddress(): Promise<string> {
    return bech32.encode('bcrt', [WITNESS_VERSION, ...bech32.toWords(this.#random.bytes(KEY_HASH_BYTES))]);
  }
}
