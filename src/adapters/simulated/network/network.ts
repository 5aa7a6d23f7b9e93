import { type Msat, msat } from '../../../core/lightning/amount.ts';
import type { ChannelPolicy, Rebalance } from '../../../core/lightning/channel.ts';
import {
  hashOfPreimage,
  type NodeId,
  type Outpoint,
  type Preimage,
  preimage as parsePreimage,
  type TxId,
} from '../../../core/lightning/identifiers.ts';
import type { PaymentFailure } from '../../../core/lightning/payment.ts';
import { type Audit, audit } from './audit.ts';
import { readInvoice } from './bolt11.ts';
import { Chain } from './chain.ts';
import { Channels, type ChannelTimes, type OpenOrder } from './channels.ts';
import type { NetworkListener } from './events.ts';
import { failure } from './failures.ts';
import { ensureChain } from './genesis.ts';
import { sideOf } from './htlcs.ts';
import { DEFAULT_FINAL_CLTV, InvoiceBook } from './invoices.ts';
import { Nodes } from './nodes.ts';
import { PaymentEngine } from './payments.ts';
import { Peers } from './peers.ts';
import { Receiving } from './receiving.ts';
import type { ChannelRecord, ForwardRecord, PaymentRecord, TransactionRecord } from './records.ts';
import { Sequence } from './sequence.ts';
import { type NetworkDependencies, NetworkState } from './state.ts';

/** How a network behaves; what is left out has the defaults of {@link DEFAULT_TIMES}. */
export type NetworkOptions = Partial<ChannelTimes>;

/** Three confirmations open a channel; who closes by force waits a day of blocks. */
export const DEFAULT_TIMES: ChannelTimes = { confirmations: 3, toSelfDelay: 144 };

/** What a payer's node is told. With `amountMsat` on an invoice that has an amount it pays another one than is asked. */
export interface PayOrder {
  readonly paymentRequest: string;
  readonly amountMsat?: Msat | undefined;
  readonly maxFeeMsat: Msat;
  /** The payer does not look whether the invoice has expired; the payee does. */
  readonly ignoreExpiry?: boolean | undefined;
}

/**
 * A Lightning network in software: nodes, a chain, channels, invoices and payments. Every call takes effect at once and is
 * durable when it returns; what takes time (hops with a delay, blocks) is told by events. Nodes are named by their short
 * names. Errors are `LightningError`s of the port.
 */
export class SimulatedNetwork {
  readonly nodes: Nodes;
  readonly chain: Chain;
  readonly peers: Peers;
  readonly channels: Channels;
  readonly invoices: InvoiceBook;
  readonly payments: PaymentEngine;
  readonly receiving: Receiving;
  readonly times: ChannelTimes;
  readonly #state: NetworkState;
  readonly #forwards: Sequence<ForwardRecord>;
  readonly #transactions = new Map<string, Set<string>>();

  constructor(dependencies: NetworkDependencies, options: NetworkOptions = {}) {
    const state = new NetworkState(dependencies);
    this.#state = state;
    this.nodes = new Nodes(state);
    this.chain = new Chain(state);
    this.peers = new Peers(state, this.nodes);
    this.times = { ...DEFAULT_TIMES, ...options };
    this.channels = new Channels(state, this.peers, this.chain, this.times);
    this.invoices = new InvoiceBook(state, this.nodes, this.channels);
    this.payments = new PaymentEngine(state, this.channels);
    this.receiving = new Receiving(this.invoices, this.payments);
    this.#forwards = new Sequence(state.tables.forwards, (forward) => forward.number);
    state.tables.transactions.onChange((before, after) => this.#indexTransaction(before, after));
    this.chain.onBlock = (height, confirmed) => {
      this.channels.confirmed(height, confirmed);
      this.receiving.block(height);
    };
    this.channels.clearHtlcs = (channel) => this.#clearHtlcs(channel);
    state.load();
    state.transact(() => state.tables.chain.patch('chain', { starts: ensureChain(state).starts + 1 }));
    dependencies.onStart?.(this.chain.record.starts);
    this.payments.resume();
  }

  /** Does several things as one: all become durable together, or none happens. */
  atomically<T>(change: () => T): T {
    return this.#state.transact(change);
  }

  /** Milliseconds since 1970, as the network's clock has it. */
  now(): number {
    return this.#state.now();
  }

  /** Follows events of all nodes; the answer ends it. */
  subscribe(listener: NetworkListener): () => void {
    return this.#state.subscribe(listener);
  }

  /** Gives a node coins from the miner; they are there with the next block. */
  fund(node: string, amountMsat: Msat): void {
    this.chain.sendFromMiner(this.chain.newAddress(this.nodes.need(node).name), amountMsat);
  }

  /** Opens a channel between two nodes by name, connecting them first; confirms nothing. */
  openChannel(order: OpenOrder): ChannelRecord {
    for (const name of [order.from, order.to]) this.nodes.need(name);
    this.peers.join(order.from, order.to, false);
    return this.channels.open(order);
  }

  /** Stops a node: its connections break, calls and streams to it fail. What it holds stays. Again: nothing. */
  stopNode(name: string): void {
    this.#setOnline(name, false);
  }

  /** Starts a node again; persistent peers and those with a channel connect. Again: nothing. */
  startNode(name: string): void {
    this.#setOnline(name, true);
  }

  /**
   * Begins to pay an invoice; answers at once how it stands. One that is pending or settled is not paid again.
   * @throws LightningError `INVALID_ARGUMENT`, `WRONG_NETWORK`.
   */
  pay(name: string, order: PayOrder): PaymentRecord {
    const invoice = readInvoice(order.paymentRequest);
    if (invoice.network !== 'regtest')
      throw failure('WRONG_NETWORK', 'pay', `the invoice is for ${invoice.network}, the node is on regtest`);
    const amountMsat = order.amountMsat ?? invoice.amountMsat;
    if (amountMsat === undefined || amountMsat === 0n)
      throw failure('INVALID_ARGUMENT', 'pay', 'the invoice has no amount: say how much to pay');
    const payee = this.nodes.byId(invoice.payee);
    let refusal: { readonly reason: PaymentFailure; readonly detail: string } | undefined;
    if (payee === undefined) refusal = { reason: 'no-route', detail: 'the payee is not in the network' };
    else if (payee.name === name) refusal = { reason: 'self-payment', detail: 'the invoice is the node’s own' };
    else if (order.ignoreExpiry !== true && this.now() > invoice.expiresAt)
      refusal = { reason: 'expired', detail: 'the invoice has expired' };
    return this.payments.start(
      {
        node: name,
        paymentHash: invoice.paymentHash,
        kind: 'invoice',
        paymentRequest: order.paymentRequest,
        paymentSecret: invoice.paymentSecret,
        payee: payee?.name ?? invoice.payee,
        amountMsat,
        maxFeeMsat: order.maxFeeMsat,
        finalCltvDelta: invoice.finalCltvDelta,
        hints: invoice.routeHints.flat().map(({ nodeId, channel }) => ({ nodeId, channel })),
        via: undefined,
        preimage: undefined,
      },
      refusal,
    );
  }

  /** Begins a payment without an invoice, by a preimage of the payer's. @throws LightningError `INVALID_ARGUMENT` (amount 0). */
  keysend(
    name: string,
    order: { readonly destination: NodeId; readonly amountMsat: Msat; readonly maxFeeMsat: Msat; readonly preimage: Preimage },
  ): PaymentRecord {
    if (order.amountMsat === 0n) throw failure('INVALID_ARGUMENT', 'keysend', 'the amount to pay is zero');
    const payee = this.nodes.byId(order.destination);
    const refusal = {
      reason: payee === undefined ? 'no-route' : 'self-payment',
      detail: 'the payee is not another node of the network',
    } as const;
    return this.payments.start(
      this.#spontaneous(name, 'keysend', payee?.name ?? order.destination, order.preimage, order),
      payee === undefined || payee.name === name ? refusal : undefined,
    );
  }

  /** Begins a circular payment over two of the node's channels. @throws LightningError `NOT_FOUND`, `INVALID_ARGUMENT`. */
  rebalance(name: string, order: Rebalance): PaymentRecord {
    const [first, last] = [order.from, order.to].map((id) => {
      const channel = this.channels.byShortId(id);
      if (channel === undefined || channel.state === 'closed') throw failure('NOT_FOUND', 'rebalance', `no channel ${id}`);
      return this.channels.need(name, channel.outpoint, 'rebalance').outpoint;
    }) as [Outpoint, Outpoint];
    if (first === last || order.amountMsat === 0n) throw failure('INVALID_ARGUMENT', 'rebalance', 'it takes two channels and an amount');
    const secret = parsePreimage(this.#state.randomHex(32));
    return this.payments.start({ ...this.#spontaneous(name, 'rebalance', name, secret, order), via: { first, last } });
  }

  /** A node's policy for one of its channels. */
  policy(name: string, id: Outpoint): ChannelPolicy {
    const channel = this.channels.need(name, id, 'policy');
    return sideOf(channel, name) === 'a' ? channel.aPolicy : channel.bPolicy;
  }

  forwards(name: string, after: number, limit: number): readonly ForwardRecord[] {
    return this.#forwards.after(name, after, limit);
  }

  /** Transactions that touch a node's wallet, oldest first. */
  transactions(name: string): readonly TransactionRecord[] {
    return [...(this.#transactions.get(name) ?? [])].map((id) => this.#state.tables.transactions.need(id));
  }

  /** A transaction of anybody's. */
  transaction(id: TxId): TransactionRecord | undefined {
    return this.#state.tables.transactions.get(id);
  }

  /** Counts all the money there is. */
  audit(): Audit {
    return audit(this.#state);
  }

  /** Stops timers and closes the store. */
  close(): void {
    this.payments.close();
    this.#state.close();
  }

  #spontaneous(
    name: string,
    kind: 'keysend' | 'rebalance',
    payee: string,
    secret: Preimage,
    order: { readonly amountMsat: Msat; readonly maxFeeMsat: Msat },
  ): Parameters<PaymentEngine['start']>[0] {
    return {
      node: name,
      paymentHash: hashOfPreimage(secret),
      kind,
      paymentRequest: undefined,
      paymentSecret: undefined,
      payee,
      amountMsat: msat(order.amountMsat),
      maxFeeMsat: msat(order.maxFeeMsat),
      finalCltvDelta: DEFAULT_FINAL_CLTV,
      hints: [],
      via: undefined,
      preimage: secret,
    };
  }

  #setOnline(name: string, online: boolean): void {
    if (this.nodes.need(name).online === online) return;
    this.#state.transact(() => {
      this.#state.tables.nodes.patch(name, { online });
      if (online) this.peers.started(name);
      else this.peers.stopped(name);
      this.#state.emit({ kind: 'node', node: name, online });
    });
  }

  #clearHtlcs(channel: ChannelRecord): void {
    for (const key of Object.keys(channel.htlcs)) {
      const [node = '', hash] = key.split('/');
      const payment = this.payments.find(node, hash as PaymentRecord['paymentHash']);
      const part = payment?.parts[Number(key.slice(key.lastIndexOf('/') + 1))];
      if (payment !== undefined && part?.phase === 'held') this.receiving.release(payment, 'a channel on the way was closed by force');
      this.payments.force(key);
    }
  }

  #indexTransaction(before: TransactionRecord | undefined, after: TransactionRecord | undefined): void {
    const transaction = after ?? before;
    if (transaction === undefined || (before !== undefined && after !== undefined)) return;
    for (const name of [transaction.payer, ...transaction.outputs.map(({ to }) => (typeof to === 'object' ? to.node : undefined))]) {
      if (name === undefined) continue;
      const mine = this.#transactions.get(name) ?? new Set();
      this.#transactions.set(name, mine);
      if (after === undefined) mine.delete(transaction.txId);
      else mine.add(transaction.txId);
    }
  }
}
