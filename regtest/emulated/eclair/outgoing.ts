import type { PartRecord, PaymentRecord } from '../../../src/adapters/simulated/network/records.ts';
import type { Msat } from '../../../src/core/lightning/amount.ts';
import { isLightningError } from '../../../src/core/lightning/errors.ts';
import type { NodeId, PaymentHash, Preimage } from '../../../src/core/lightning/identifiers.ts';
import type { PaymentFailure } from '../../../src/core/lightning/payment.ts';
import type { EclairContext } from './context.ts';
import { failedView, sentView } from './outgoing-view.ts';

/** What is to be paid. */
export interface PayOrder {
  readonly paymentHash: PaymentHash;
  readonly invoice: string | undefined;
  readonly externalId: string | undefined;
  readonly amountMsat: Msat;
  readonly recipient: NodeId;
  /** Tells the simulated node to begin. */
  readonly begin: () => Promise<unknown>;
}

/** One part of an attempt, frozen when the attempt is over. */
export interface AttemptPart {
  readonly id: string;
  readonly part: PartRecord;
  readonly createdAt: number;
}

/** Why an attempt failed: of its own accord, or by the word of a node on the way. */
export type AttemptFailure = { readonly local: string } | { readonly remote: string; readonly origin: NodeId; readonly part: AttemptPart };

/** One call of `payinvoice` or `sendtonode`, whatever there was of the same hash before. */
export interface Attempt {
  readonly id: string;
  readonly order: PayOrder;
  readonly startedAt: number;
  readonly parts: readonly AttemptPart[];
  readonly status: 'pending' | 'sent' | 'failed';
  readonly preimage: Preimage | undefined;
  readonly failure: AttemptFailure | undefined;
  readonly endedAt: number | undefined;
  /** The simulated node did as it was told, and its answer is to be lost. */
  readonly replyLost: boolean;
}

const LOCAL: Readonly<Partial<Record<PaymentFailure, string>>> = {
  'insufficient-balance': 'balance too low',
  'self-payment': 'cannot route to self',
};
const UNKNOWN_DETAILS = 'incorrect payment details or unknown payment hash';
const TEMPORARY = 'temporary channel failure';

/** All attempts to pay. There is no check for duplicates: the payee alone refuses a second payment. */
export class Outgoing {
  readonly #context: EclairContext;
  readonly #attempts = new Map<string, Attempt>();
  /** The attempt that each hash's simulated payment belongs to. */
  readonly #owners = new Map<PaymentHash, string>();

  constructor(context: EclairContext) {
    this.#context = context;
    // What a process before this one left in the simulated network.
    for (const payment of context.network.payments.list(context.name, 0, Number.MAX_SAFE_INTEGER)) this.#restore(payment);
  }

  /** Begins an attempt; answers its id at once, and how it ends. */
  start(order: PayOrder): { readonly id: string; readonly ended: Promise<Attempt> } {
    const id = this.#add(order, this.#context.now());
    return { id, ended: this.#run(id, order) };
  }

  all(): readonly Attempt[] {
    return [...this.#attempts.keys()].map((id) => this.#look(id));
  }

  find(by: { readonly id: string } | { readonly hash: string }): readonly Attempt[] {
    return this.all().filter((attempt) => ('id' in by ? attempt.id === by.id : attempt.order.paymentHash === by.hash));
  }

  async #run(id: string, order: PayOrder): Promise<Attempt> {
    const { network, name } = this.#context;
    const forever = new AbortController().signal;
    const record = () => network.payments.find(name, order.paymentHash);
    const isOver = () => (record()?.status === 'pending' ? undefined : true);
    // Another attempt may have begun since the wait was over.
    do await this.#context.waitFor({ signal: forever }, isOver);
    while (record()?.status === 'pending');
    const earlier = record();
    if (earlier?.status === 'settled') return this.#end(id, this.#refused(id, earlier));
    this.#owners.set(order.paymentHash, id);
    const lost = await order.begin().then(
      () => false,
      (error) => {
        if (isLightningError(error, 'CONNECTION_LOST')) return true;
        throw error;
      },
    );
    await this.#context.waitFor({ signal: forever }, isOver);
    const payment = record();
    if (payment === undefined) throw new Error(`payment ${order.paymentHash} was not begun`);
    return this.#end(id, { ...this.#outcome(id, payment), replyLost: lost });
  }

  #add(order: PayOrder, startedAt: number): string {
    const id = this.#context.uuid();
    const unknown = { preimage: undefined, failure: undefined, endedAt: undefined };
    this.#attempts.set(id, { id, order, startedAt, parts: [], status: 'pending', replyLost: false, ...unknown });
    return id;
  }

  #restore(payment: PaymentRecord): void {
    const { network, name } = this.#context;
    const { paymentHash, paymentRequest: invoice, amountMsat } = payment;
    const recipient = network.nodes.find(payment.payee)?.nodeId ?? (payment.payee as NodeId);
    const order = { paymentHash, invoice, externalId: undefined, amountMsat, recipient, begin: async () => {} };
    const id = this.#add(order, payment.createdAt);
    this.#owners.set(paymentHash, id);
    if (payment.status !== 'pending') {
      this.#attempts.set(id, { ...this.#outcome(id, payment), endedAt: payment.settledAt ?? payment.createdAt });
      return;
    }
    const ended = () => {
      const now = network.payments.find(name, paymentHash);
      return now === undefined || now.status === 'pending' ? undefined : now;
    };
    void this.#context.waitFor({ signal: new AbortController().signal }, ended).then((now) => {
      if (now !== undefined) this.#end(id, this.#outcome(id, now));
    });
  }

  /** How an attempt stands, its parts brought up to the present. */
  #look(id: string): Attempt {
    const attempt = this.#attempts.get(id);
    if (attempt === undefined) throw new Error(`no attempt ${id}`);
    const payment = this.#context.network.payments.find(this.#context.name, attempt.order.paymentHash);
    if (attempt.status !== 'pending' || payment === undefined || this.#owners.get(attempt.order.paymentHash) !== attempt.id) return attempt;
    const updated = { ...attempt, parts: this.#parts(attempt, payment) };
    this.#attempts.set(attempt.id, updated);
    return updated;
  }

  #parts(attempt: Attempt, payment: PaymentRecord): readonly AttemptPart[] {
    return payment.parts.map((part, index) => {
      const known = attempt.parts[index];
      return { id: known?.id ?? this.#context.uuid(), createdAt: known?.createdAt ?? this.#context.now(), part };
    });
  }

  #outcome(id: string, payment: PaymentRecord): Attempt {
    const attempt = this.#look(id);
    const endedAt = this.#context.now();
    if (payment.status === 'settled') return { ...attempt, status: 'sent', preimage: payment.preimage, endedAt };
    const reason = payment.givingUp?.reason ?? 'error';
    const last = attempt.parts.at(-1);
    const failed: Attempt = { ...attempt, status: 'failed', endedAt };
    if (last === undefined || (reason !== 'rejected' && reason !== 'attempts-exhausted'))
      return { ...failed, failure: { local: LOCAL[reason] ?? 'route not found' } };
    if (reason === 'rejected') return { ...failed, failure: { remote: UNKNOWN_DETAILS, origin: attempt.order.recipient, part: last } };
    const origin = this.#context.network.nodes.need(last.part.hops[0]?.to ?? this.#context.name).nodeId;
    return { ...failed, failure: { remote: TEMPORARY, origin, part: last } };
  }

  /** The way that the first payment went, and the payee's refusal at its end. */
  #refused(id: string, earlier: PaymentRecord): Attempt {
    const attempt = this.#look(id);
    const now = this.#context.now();
    const parts = earlier.parts
      .filter(({ phase }) => phase === 'settled')
      .map((part) => ({ id: this.#context.uuid(), createdAt: attempt.startedAt, part: { ...part, phase: 'failed' } as const }));
    const [first] = parts;
    const failure: AttemptFailure =
      first === undefined ? { local: 'route not found' } : { remote: UNKNOWN_DETAILS, origin: attempt.order.recipient, part: first };
    return { ...attempt, status: 'failed', parts, failure, endedAt: now };
  }

  #end(id: string, ended: Attempt): Attempt {
    this.#attempts.set(id, ended);
    const { events } = this.#context;
    events.push(ended.status === 'sent' ? sentView(this.#context, ended) : failedView(this.#context, ended));
    return ended;
  }
}
