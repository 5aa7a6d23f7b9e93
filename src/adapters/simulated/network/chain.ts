import { bech32, bech32m } from '@scure/base';
import { MSAT_PER_SAT, type Msat, msat, toSatExact } from '../../../core/lightning/amount.ts';
import { type TxId, txId } from '../../../core/lightning/identifiers.ts';
import { failure } from './failures.ts';
import { BLOCK_SUBSIDY, ensureChain } from './genesis.ts';
import type { ChainRecord, OutputRecord, TransactionRecord } from './records.ts';
import type { NetworkState } from './state.ts';

/** What to broadcast. The payer's wallet loses `spentMsat`, the fee included; a close spends a channel and has no payer. */
export type NewTransaction = Pick<TransactionRecord, 'kind' | 'payer' | 'spentMsat' | 'feeMsat'> & {
  readonly outputs: readonly Omit<OutputRecord, 'paid'>[];
};

/** Fee rate where the caller names none. */
export const DEFAULT_FEE_RATE = 2;
/** A transaction with one input of our own and one to somebody else, with change; in virtual bytes. */
const SEND_VBYTES = 141;
const MAX_FEE_RATE = 10_000;
/** Blocks mined at one command. */
const MAX_BLOCKS = 10_000;
/** As the nodes do, nothing smaller is sent: it costs more than it is worth (P2WPKH). */
const DUST_SAT = 294n;

/** The chain: blocks mined by command, and the on-chain wallets. A wallet is one number; coins are not told apart. */
export class Chain {
  readonly #state: NetworkState;
  readonly #unsettled = new Set<TxId>();
  /** Called in the transaction of each block, after its transactions have been confirmed. */
  onBlock: (height: number, confirmed: readonly TransactionRecord[]) => void = () => {};

  constructor(state: NetworkState) {
    this.#state = state;
    state.tables.transactions.onChange((before, after) => {
      if (before !== undefined) this.#unsettled.delete(before.txId);
      if (after !== undefined && (after.height === undefined || after.outputs.some((output) => !output.paid)))
        this.#unsettled.add(after.txId);
    });
  }

  get record(): ChainRecord {
    return this.#state.tables.chain.need('chain');
  }

  /** Mines so many blocks; answers the height. @throws LightningError `INVALID_ARGUMENT`. */
  mine(blocks: number): number {
    if (!Number.isInteger(blocks) || blocks < 1 || blocks > MAX_BLOCKS) {
      throw failure('INVALID_ARGUMENT', 'mine', `between 1 and ${MAX_BLOCKS} blocks can be mined at once`);
    }
    for (let block = 0; block < blocks; block += 1) this.#state.transact(() => this.#mineOne());
    return this.record.height;
  }

  /** A fresh address of a node's wallet (SegWit version 0). */
  newAddress(node: string): string {
    return this.#state.transact(() => {
      const address = bech32.encode('bcrt', [0, ...bech32.toWords(this.#state.random.bytes(20))]);
      this.#state.tables.addresses.put(address, { address, owner: node });
      return address;
    });
  }

  /** Sends from a node's wallet. @throws LightningError `INVALID_ARGUMENT`, `INSUFFICIENT_FUNDS`. */
  send(node: string, address: string, amountMsat: Msat, feeRateSatPerVbyte: number = DEFAULT_FEE_RATE): TxId {
    const to = this.#recipient(address);
    this.#checkAmount(amountMsat, 'send');
    return this.spend('send', node, [{ to, amountMsat, delayBlocks: 0 }], SEND_VBYTES, feeRateSatPerVbyte);
  }

  /** Sends from the miner, without a fee: what a tester's `sendtoaddress` does. @throws LightningError as {@link send}. */
  sendFromMiner(address: string, amountMsat: Msat): TxId {
    const to = this.#recipient(address);
    this.#checkAmount(amountMsat, 'fund');
    return this.#state.transact(() => {
      const chain = ensureChain(this.#state);
      if (chain.minerMsat < amountMsat) throw failure('INSUFFICIENT_FUNDS', 'fund', 'the miner has less than that: mine more blocks');
      this.#state.tables.chain.patch('chain', { minerMsat: msat(chain.minerMsat - amountMsat) });
      return this.broadcast({
        kind: 'fund',
        payer: undefined,
        spentMsat: amountMsat,
        feeMsat: msat(0),
        outputs: [{ to, amountMsat, delayBlocks: 0 }],
      });
    });
  }

  /** Takes outputs and fee from a node's wallet and broadcasts. @throws LightningError `INSUFFICIENT_FUNDS`, `INVALID_ARGUMENT`. */
  spend(
    kind: TransactionRecord['kind'],
    node: string,
    outputs: NewTransaction['outputs'],
    vbytes: number,
    feeRateSatPerVbyte: number = DEFAULT_FEE_RATE,
  ): TxId {
    const feeMsat = feeOf(vbytes, feeRateSatPerVbyte);
    return this.#state.transact(() => {
      const wallet = this.#state.tables.nodes.need(node);
      const spentMsat = msat(outputs.reduce((sum, output) => sum + output.amountMsat, 0n) + feeMsat);
      if (wallet.walletMsat < spentMsat) {
        const short = `the wallet has ${wallet.walletMsat / MSAT_PER_SAT} sat confirmed, ${spentMsat / MSAT_PER_SAT} sat are needed with the fee`;
        throw failure('INSUFFICIENT_FUNDS', kind, short);
      }
      this.#state.tables.nodes.patch(node, { walletMsat: msat(wallet.walletMsat - spentMsat) });
      return this.broadcast({ kind, payer: node, spentMsat, feeMsat, outputs });
    });
  }

  /** Puts a transaction among those that wait for a block. Call in a transaction, having taken the money from where it was. */
  broadcast(transaction: NewTransaction): TxId {
    const chain = this.record;
    const id = txId(this.#state.randomHex(32));
    this.#state.tables.transactions.put(id, {
      ...transaction,
      txId: id,
      number: chain.transactionCount + 1,
      at: this.#state.now(),
      outputs: transaction.outputs.map((output) => ({ ...output, paid: false })),
      height: undefined,
    });
    this.#state.tables.chain.patch('chain', { transactionCount: chain.transactionCount + 1 });
    return id;
  }

  /** What is on its way to a node's wallet, unconfirmed or made to wait. */
  incomingMsat(node: string): Msat {
    let sum = 0n;
    for (const transaction of this.unsettled()) {
      for (const output of transaction.outputs) {
        if (!output.paid && typeof output.to === 'object' && output.to.node === node) sum += output.amountMsat;
      }
    }
    return msat(sum);
  }

  /** Transactions that wait for a block, or some of whose outputs still wait. */
  unsettled(): readonly TransactionRecord[] {
    return [...this.#unsettled].map((id) => this.#state.tables.transactions.need(id)).sort((a, b) => a.number - b.number);
  }

  /** Where a transaction stands in its block, from 1 (the subsidy is 0). */
  positionInBlock(transaction: TransactionRecord, confirmed: readonly TransactionRecord[]): number {
    return confirmed.findIndex(({ txId: id }) => id === transaction.txId) + 1;
  }

  #mineOne(): void {
    const chain = ensureChain(this.#state);
    const height = chain.height + 1;
    const waiting = this.unsettled();
    const confirmed = waiting.filter((transaction) => transaction.height === undefined).map((transaction) => ({ ...transaction, height }));
    const fees = confirmed.reduce((sum, { feeMsat }) => sum + feeMsat, 0n);
    this.#state.tables.chain.patch('chain', {
      height,
      minedMsat: msat(chain.minedMsat + BLOCK_SUBSIDY),
      minerMsat: msat(chain.minerMsat + BLOCK_SUBSIDY + fees),
      feesMsat: msat(chain.feesMsat + fees),
    });
    for (const transaction of waiting) this.#payOut({ ...transaction, height: transaction.height ?? height }, height);
    this.onBlock(height, confirmed);
    this.#state.emit({ kind: 'block', height });
  }

  #payOut(transaction: TransactionRecord & { readonly height: number }, height: number): void {
    const outputs = transaction.outputs.map((output) => {
      if (output.paid || transaction.height + output.delayBlocks > height) return output;
      this.#credit(output);
      return { ...output, paid: true };
    });
    this.#state.tables.transactions.put(transaction.txId, { ...transaction, outputs });
  }

  #credit({ to, amountMsat }: OutputRecord): void {
    const { chain, nodes } = this.#state.tables;
    if (typeof to === 'object') nodes.patch(to.node, { walletMsat: msat(nodes.need(to.node).walletMsat + amountMsat) });
    else if (to === 'miner') chain.patch('chain', { minerMsat: msat(this.record.minerMsat + amountMsat) });
    else if (to === 'outside') chain.patch('chain', { externalMsat: msat(this.record.externalMsat + amountMsat) });
  }

  #recipient(address: string): OutputRecord['to'] {
    const known = this.#state.tables.addresses.get(address.toLowerCase());
    if (known !== undefined) return { node: known.owner };
    if (!isRegtestAddress(address)) throw failure('INVALID_ARGUMENT', 'send', 'not a SegWit address of regtest (bcrt1…)');
    return 'outside';
  }

  #checkAmount(amountMsat: Msat, operation: string): void {
    if (amountMsat % MSAT_PER_SAT !== 0n) throw failure('INVALID_ARGUMENT', operation, 'on chain an amount is whole satoshi');
    if (toSatExact(amountMsat) < DUST_SAT) throw failure('INVALID_ARGUMENT', operation, `an output of less than ${DUST_SAT} sat is dust`);
  }
}

/** What a transaction of such a size costs. @throws LightningError `INVALID_ARGUMENT`. */
export function feeOf(vbytes: number, feeRateSatPerVbyte: number): Msat {
  if (!(feeRateSatPerVbyte > 0 && feeRateSatPerVbyte <= MAX_FEE_RATE)) {
    throw failure('INVALID_ARGUMENT', 'fee', `a fee rate is more than 0 and at most ${MAX_FEE_RATE} sat per virtual byte`);
  }
  return msat(BigInt(Math.ceil(vbytes * feeRateSatPerVbyte)) * MSAT_PER_SAT);
}

/** The part of an amount that a wallet can be sent: whole satoshi, nothing where that is dust. */
export function spendablePart(amountMsat: Msat): Msat {
  const sats = amountMsat / MSAT_PER_SAT;
  return msat(sats < DUST_SAT ? 0n : sats * MSAT_PER_SAT);
}

function isRegtestAddress(address: string): boolean {
  if (!/^bcrt1[02-9ac-hj-np-z]{8,87}$/i.test(address)) return false;
  const text = address.toLowerCase() as `${string}1${string}`;
  return bech32.decodeUnsafe(text) !== undefined || bech32m.decodeUnsafe(text) !== undefined;
}
