import type { TransactionRecord } from '../../../src/adapters/simulated/network/records.ts';
import type { TxId } from '../../../src/core/lightning/identifiers.ts';
import { scriptOf } from '../shared/addresses.ts';
import type { TextInput } from '../shared/transaction-text.ts';
import type { ClnContext } from './context.ts';

/** An output that is or was the wallet's. */
export interface Coin {
  readonly txId: TxId;
  readonly index: number;
  readonly amountMsat: bigint;
  readonly address: string;
  readonly spentBy: TxId | undefined;
}

/** An output of one of the wallet's transactions. */
export interface CoinOutput {
  readonly amountMsat: bigint;
  readonly script: string;
}

/** A transaction of the wallet's with its coins. */
export interface CoinTransaction {
  readonly txId: TxId;
  readonly inputs: readonly TextInput[];
  readonly outputs: readonly CoinOutput[];
}

/** How a coin stands, in lightningd's words. */
export type CoinStatus = 'unconfirmed' | 'confirmed' | 'immature' | 'spent';

const NOBODYS_SCRIPT = '0014';

/**
 * The simulated wallet is one number; lightningd tells of coins. Which coins a transaction spends is chosen here when it is
 * first seen, oldest first, and change comes back as a coin of its own.
 */
export class Coins {
  readonly #context: ClnContext;
  readonly #seen = new Map<TxId, CoinTransaction>();
  #coins: Coin[] = [];
  #address: string | undefined;

  constructor(context: ClnContext) {
    this.#context = context;
    context.network.subscribe((event) => {
      if (event.kind === 'block' || event.kind === 'channel') this.#sync();
    });
  }

  /** The address that was given out last: what arrives is taken to have arrived there. */
  set address(address: string) {
    this.#sync();
    this.#address = address;
  }

  all(): readonly Coin[] {
    this.#sync();
    return this.#coins;
  }

  transactions(): readonly CoinTransaction[] {
    this.#sync();
    return [...this.#seen.values()];
  }

  transaction(id: TxId): CoinTransaction | undefined {
    this.#sync();
    return this.#seen.get(id);
  }

  statusOf(coin: Coin): CoinStatus {
    if (coin.spentBy !== undefined) return 'spent';
    const record = this.#context.network.transaction(coin.txId);
    if (record?.height === undefined) return 'unconfirmed';
    const output = record.outputs[coin.index];
    return output === undefined || output.paid ? 'confirmed' : 'immature';
  }

  #sync(): void {
    for (const record of this.#context.network.transactions(this.#context.name)) if (!this.#seen.has(record.txId)) this.#add(record);
  }

  #add(record: TransactionRecord): void {
    const address = this.#address ?? this.#context.network.chain.newAddress(this.#context.name);
    this.#address = address;
    const isOurs = record.payer === this.#context.name;
    const spent = isOurs ? this.#choose(record.spentMsat) : [];
    const changeMsat = spent.reduce((sum, coin) => sum + coin.amountMsat, 0n) - (isOurs ? record.spentMsat : 0n);
    const inputs = isOurs ? spent.map(({ txId, index }) => ({ txId, index })) : [this.#foreignInput(record)];
    const outputs = record.outputs.map(({ to, amountMsat }) => {
      const mine = typeof to === 'object' && to.node === this.#context.name;
      return { amountMsat, mine, script: mine ? scriptOf(address) : NOBODYS_SCRIPT + record.txId.slice(0, 40) };
    });
    if (isOurs && changeMsat > 0n)
      outputs.push({ amountMsat: changeMsat as (typeof outputs)[number]['amountMsat'], mine: true, script: scriptOf(address) });
    this.#seen.set(record.txId, { txId: record.txId, inputs, outputs });
    this.#coins = this.#coins.map((coin) => (spent.includes(coin) ? { ...coin, spentBy: record.txId } : coin));
    for (const [index, { amountMsat, mine }] of outputs.entries()) {
      if (mine) this.#coins.push({ txId: record.txId, index, amountMsat, address, spentBy: undefined });
    }
  }

  #choose(amountMsat: bigint): readonly Coin[] {
    const usable = this.#coins.filter((coin) => coin.spentBy === undefined);
    const byStatus = [
      ...usable.filter((coin) => this.statusOf(coin) === 'confirmed'),
      ...usable.filter((coin) => this.statusOf(coin) !== 'confirmed'),
    ];
    const chosen: Coin[] = [];
    let sum = 0n;
    for (const coin of byStatus) {
      if (sum >= amountMsat) break;
      chosen.push(coin);
      sum += coin.amountMsat;
    }
    return chosen;
  }

  /** A close spends its channel; what comes from elsewhere, an output that we know nothing of. */
  #foreignInput(record: TransactionRecord): TextInput {
    const channel = this.#context.network.channels.of(this.#context.name).find(({ closingTxId }) => closingTxId === record.txId);
    const [txId = '', index = '0'] = channel?.outpoint.split(':') ?? [Buffer.from(record.txId, 'hex').reverse().toString('hex')];
    return { txId, index: Number(index) };
  }
}
