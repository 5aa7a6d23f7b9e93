import { type Msat, msat } from '../../../core/lightning/amount.ts';
import type { PaymentHash } from '../../../core/lightning/identifiers.ts';
import type { PaymentFailure } from '../../../core/lightning/payment.ts';
import type { Channels } from './channels.ts';
import { edgesFor, outboundMsat } from './graph.ts';
import { Htlcs, sideOf } from './htlcs.ts';
import type { PartRecord, PaymentRecord } from './records.ts';
import { findRoutes } from './routing.ts';
import { Sequence } from './sequence.ts';
import type { NetworkState } from './state.ts';

/** A new payment, before it has a number and parts. */
export type NewPayment = Omit<PaymentRecord, 'number' | 'createdAt' | 'status' | 'givingUp' | 'settledAt' | 'attempts' | 'parts'>;

/** What the payee does with the parts of a payment that have arrived. Called in a transaction. */
export type Arrival = (payment: PaymentRecord, arrivedMsat: Msat) => void;

/** A payment's routes are planned anew at most so often. */
const MAX_ATTEMPTS = 10;

/**
 * Moves the parts of payments: HTLCs are offered hop by hop towards the payee, and taken or given back hop by hop from
 * there. Without a delay all of that happens in the turn of the call; with one, each hop takes it. A part's place is
 * durable after every step, so that it goes on from there after a restart.
 */
export class PaymentEngine {
  /** Milliseconds each hop takes, either way. */
  hopDelayMs = 0;
  onArrival: Arrival = () => {};
  readonly #state: NetworkState;
  readonly #channels: Channels;
  readonly #htlcs: Htlcs;
  readonly #sequence: Sequence<PaymentRecord>;
  readonly #pending = new Set<string>();
  readonly #timers = new Map<string, Disposable>();
  #moving: { readonly key: string; readonly index: number }[] = [];
  #pumping = false;
  #closed = false;

  constructor(state: NetworkState, channels: Channels) {
    this.#state = state;
    this.#channels = channels;
    this.#htlcs = new Htlcs(state);
    this.#sequence = new Sequence(state.tables.payments, (payment) => payment.number);
    state.tables.payments.onChange((before, after) => {
      if (before !== undefined) this.#pending.delete(paymentKey(before.node, before.paymentHash));
      if (after?.status === 'pending') this.#pending.add(paymentKey(after.node, after.paymentHash));
    });
  }

  find(node: string, hash: PaymentHash): PaymentRecord | undefined {
    return this.#state.tables.payments.get(paymentKey(node, hash));
  }

  list(node: string, after: number, limit: number): readonly PaymentRecord[] {
    return this.#sequence.after(node, after, limit);
  }

  /** Payments whose outcome is not known yet. */
  pending(): readonly PaymentRecord[] {
    return [...this.#pending].map((key) => this.#state.tables.payments.need(key));
  }

  /** Begins a payment; one of the same hash that is pending or settled is answered as it is. */
  start(order: NewPayment, refusal?: { readonly reason: PaymentFailure; readonly detail: string }): PaymentRecord {
    const known = this.find(order.node, order.paymentHash);
    if (known !== undefined && known.status !== 'failed') return known;
    this.#change(() => {
      const { tables } = this.#state;
      const number = known?.number ?? tables.nodes.need(order.node).paymentCount + 1;
      if (known === undefined) tables.nodes.patch(order.node, { paymentCount: number });
      const payment: PaymentRecord = {
        ...order,
        number,
        createdAt: known?.createdAt ?? this.#state.now(),
        status: 'pending',
        givingUp: undefined,
        settledAt: undefined,
        attempts: 0,
        parts: [],
      };
      tables.payments.put(paymentKey(order.node, order.paymentHash), payment);
      this.#state.emit({ kind: 'payment', node: order.node, paymentHash: order.paymentHash });
      if (refusal === undefined) this.#launch(payment);
      else this.#giveUp(payment, refusal.reason, refusal.detail);
    });
    return this.#need(order.node, order.paymentHash);
  }

  /** The payee takes what has arrived: the parts settle back to the payer. */
  take(node: string, hash: PaymentHash, preimage: PaymentRecord['preimage']): void {
    this.#change(() => {
      const payment = this.#patch(this.#need(node, hash), { preimage });
      for (const [index, part] of payment.parts.entries()) if (part.phase === 'held') this.#setPart(payment, index, { phase: 'settling' });
    });
  }

  /** The payee refuses: all that has arrived goes back, and the payment fails for good. */
  refuse(node: string, hash: PaymentHash, detail: string): void {
    this.#change(() => this.#giveUp(this.#need(node, hash), 'rejected', detail));
  }

  /** Ends an HTLC at once where its channel goes to the chain: taken where the preimage is out, else given back. Call in a transaction. */
  force(htlcKey: string): void {
    const cut = htlcKey.lastIndexOf('/');
    const [key, index] = [htlcKey.slice(0, cut), Number(htlcKey.slice(cut + 1))];
    this.#change(() => {
      const { phase } = this.#part(key, index);
      if (phase === 'out' || phase === 'held') this.#setPart(this.#state.tables.payments.need(key), index, { phase: 'failing' });
      while (isMoving(this.#part(key, index))) this.#step(key, index);
    });
  }

  /** Goes on with everything that was under way when the network last stopped. */
  resume(): void {
    this.#change(() => {
      for (const payment of this.pending()) {
        for (const [index, part] of payment.parts.entries())
          if (isMoving(part)) this.#wake(paymentKey(payment.node, payment.paymentHash), index);
      }
    });
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers.values()) timer[Symbol.dispose]();
    this.#timers.clear();
  }

  #launch(before: PaymentRecord): void {
    if (before.attempts >= MAX_ATTEMPTS) return this.#giveUp(before, 'attempts-exhausted', `no route worked in ${MAX_ATTEMPTS} attempts`);
    const payment = this.#patch(before, { attempts: before.attempts + 1 });
    const live = payment.parts.filter((part) => part.phase !== 'failed');
    const missing = msat(payment.amountMsat - live.reduce((sum, part) => sum + part.amountMsat, 0n));
    const budget = payment.maxFeeMsat - live.reduce((sum, part) => sum + part.feeMsat, 0n);
    const edges = edgesFor(this.#state, this.#channels, payment.node, payment.hints);
    const query = { from: payment.node, to: payment.payee, amountMsat: missing, ...payment.via };
    const routes = findRoutes(edges, query, payment.via === undefined ? undefined : 1);
    if (routes === undefined) {
      const short = outboundMsat(this.#channels, payment.node) < missing;
      if (short) return this.#giveUp(payment, 'insufficient-balance', 'the channels have less to send than that');
      return this.#giveUp(payment, 'no-route', 'no route to the payee can carry the amount');
    }
    const feeMsat = routes.reduce((sum, route) => sum + route.feeMsat, 0n);
    if (feeMsat > budget) return this.#giveUp(payment, 'fee-cap', `the cheapest route costs ${feeMsat} msat, more than the cap`);
    const parts = [...payment.parts, ...routes.map((route) => ({ ...route, phase: 'out', at: 0, expiryHeight: 0 }) as const)];
    this.#patch(payment, { parts });
    for (const index of routes.keys()) this.#wake(paymentKey(payment.node, payment.paymentHash), payment.parts.length + index);
  }

  #step(key: string, index: number): void {
    const payment = this.#state.tables.payments.get(key);
    const part = payment?.parts[index];
    if (payment === undefined || part === undefined || !isMoving(part)) return;
    if (part.phase === 'out') this.#forward(payment, index, part);
    else this.#back(payment, index, part);
  }

  #forward(payment: PaymentRecord, index: number, part: PartRecord): void {
    const hop = part.hops[part.at];
    if (payment.givingUp !== undefined || hop === undefined) return this.#setPart(payment, index, { phase: 'failing' });
    const channel = this.#state.tables.channels.need(hop.channel);
    const key = htlcKey(payment, index);
    if (!this.#channels.usable(channel) || !this.#htlcs.lock(hop.channel, key, sideOf(channel, hop.from), hop.amountMsat)) {
      return this.#setPart(payment, index, { phase: 'failing' });
    }
    const at = part.at + 1;
    if (at < part.hops.length) return this.#setPart(payment, index, { at });
    const { height } = this.#state.tables.chain.need('chain');
    this.#setPart(payment, index, { at, phase: 'held', expiryHeight: height + payment.finalCltvDelta });
    const arrived = this.#need(payment.node, payment.paymentHash);
    const sum = arrived.parts.reduce((total, { phase, amountMsat }) => (phase === 'held' ? total + amountMsat : total), 0n);
    this.onArrival(arrived, msat(sum));
  }

  #back(payment: PaymentRecord, index: number, part: PartRecord): void {
    const taken = part.phase === 'settling';
    const at = part.at - 1;
    const hop = part.hops[at];
    if (hop !== undefined) {
      if (taken) this.#htlcs.settle(hop.channel, htlcKey(payment, index));
      else this.#htlcs.fail(hop.channel, htlcKey(payment, index));
      if (taken && at > 0) this.#noteForward(part, at);
    }
    if (at > 0) return this.#setPart(payment, index, { at });
    this.#setPart(payment, index, { at: 0, phase: taken ? 'settled' : 'failed' });
    this.#partEnded(this.#need(payment.node, payment.paymentHash), taken);
  }

  #partEnded(payment: PaymentRecord, taken: boolean): void {
    const done = payment.parts.every(({ phase }) => phase === 'settled' || phase === 'failed');
    if (taken) {
      if (done) this.#finish(payment, { status: 'settled', settledAt: this.#state.now() });
    } else if (payment.givingUp === undefined && !payment.parts.some(isPaid)) this.#launch(payment);
    else if (done)
      this.#finish(payment, payment.parts.some(isPaid) ? { status: 'settled', settledAt: this.#state.now() } : { status: 'failed' });
  }

  #giveUp(payment: PaymentRecord, reason: PaymentFailure, detail: string): void {
    const given = payment.givingUp === undefined ? this.#patch(payment, { givingUp: { reason, detail } }) : payment;
    for (const [index, part] of given.parts.entries()) if (part.phase === 'held') this.#setPart(given, index, { phase: 'failing' });
    if (given.parts.every(({ phase }) => phase === 'failed')) this.#finish(given, { status: 'failed' });
  }

  #finish(payment: PaymentRecord, fields: Partial<PaymentRecord>): void {
    this.#patch(payment, fields);
    this.#state.emit({ kind: 'payment', node: payment.node, paymentHash: payment.paymentHash });
  }

  #noteForward(part: PartRecord, at: number): void {
    const [incoming, outgoing] = [part.hops[at - 1], part.hops[at]];
    if (incoming === undefined || outgoing === undefined) return;
    const { tables } = this.#state;
    const channel = (hop: typeof incoming) => tables.channels.need(hop.channel).shortChannelId;
    const [from, to] = [channel(incoming), channel(outgoing)];
    if (from === undefined || to === undefined) return;
    const node = tables.nodes.need(outgoing.from);
    const number = node.forwardCount + 1;
    tables.nodes.patch(node.name, { forwardCount: number });
    const forward = { node: node.name, number, at: this.#state.now(), incoming: from, outgoing: to };
    tables.forwards.put(`${node.name}/${number}`, { ...forward, inMsat: incoming.amountMsat, outMsat: outgoing.amountMsat });
    this.#state.emit({ kind: 'forward', node: node.name, number });
  }

  #setPart(before: PaymentRecord, index: number, fields: Partial<PartRecord>): void {
    const payment = this.#need(before.node, before.paymentHash);
    const parts = payment.parts.map((part, at) => (at === index ? { ...part, ...fields } : part));
    this.#patch(payment, { parts });
    if (isMoving(parts[index])) this.#wake(paymentKey(payment.node, payment.paymentHash), index);
  }

  #patch(payment: PaymentRecord, fields: Partial<PaymentRecord>): PaymentRecord {
    return this.#state.tables.payments.patch(paymentKey(payment.node, payment.paymentHash), fields);
  }

  #need(node: string, hash: PaymentHash): PaymentRecord {
    return this.#state.tables.payments.need(paymentKey(node, hash));
  }

  #part(key: string, index: number): PartRecord {
    const part = this.#state.tables.payments.need(key).parts[index];
    if (part === undefined) throw new Error(`payment ${key} has no part ${index}`);
    return part;
  }

  /** Runs a change and, where hops take no time, everything that follows from it, as one transaction. */
  #change(change: () => void): void {
    this.#state.transact(() => {
      change();
      if (this.#pumping) return;
      this.#pumping = true;
      try {
        for (let next = this.#moving.shift(); next !== undefined; next = this.#moving.shift()) this.#step(next.key, next.index);
      } finally {
        this.#pumping = false;
        this.#moving = [];
      }
    });
  }

  #wake(key: string, index: number): void {
    if (this.hopDelayMs <= 0) {
      this.#moving.push({ key, index });
      return;
    }
    const timerKey = `${key}/${index}`;
    if (this.#closed || this.#timers.has(timerKey)) return;
    const timer = this.#state.clock.setTimer(this.hopDelayMs, () => {
      this.#timers.delete(timerKey);
      if (this.#closed) return;
      try {
        this.#change(() => this.#step(key, index));
      } catch (error) {
        this.#state.logger.error({ err: error }, 'a simulated HTLC could not move on; trying again');
        this.#wake(key, index);
      }
    });
    this.#timers.set(timerKey, timer);
  }
}

/** Where a payment is kept. */
export function paymentKey(node: string, hash: PaymentHash): string {
  return `${node}/${hash}`;
}

function htlcKey(payment: PaymentRecord, index: number): string {
  return `${paymentKey(payment.node, payment.paymentHash)}/${index}`;
}

function isMoving(part: PartRecord | undefined): boolean {
  return part?.phase === 'out' || part?.phase === 'failing' || part?.phase === 'settling';
}

function isPaid({ phase }: PartRecord): boolean {
  return phase === 'settled' || phase === 'settling';
}
