import type { PartRecord, PaymentRecord } from '../../../src/adapters/simulated/network/records.ts';
import type { NodeId, PaymentHash } from '../../../src/core/lightning/identifiers.ts';
import { type ClnContext, seconds } from './context.ts';

/** How a part stands, in lightningd's words. */
export type SendPayStatus = 'pending' | 'complete' | 'failed';

/** One part that was sent, as `listsendpays` has it. */
export interface SendPay {
  readonly createdIndex: number;
  readonly hash: PaymentHash;
  readonly groupId: number;
  readonly partId: number;
  readonly destination: NodeId | undefined;
  readonly amountMsat: bigint;
  readonly sentMsat: bigint;
  readonly createdAt: number;
  readonly bolt11: string | undefined;
  readonly preimage: string | undefined;
  readonly status: SendPayStatus;
  readonly updatedIndex: number | undefined;
  readonly completedAt: number | undefined;
}

interface Attempt {
  readonly groupId: number;
  /** Where its parts stand in the list, by their place in the payment. */
  readonly places: number[];
}

/** Every part that the node has ever sent, in order; parts of attempts that are over stay. */
export class SendPays {
  readonly #context: ClnContext;
  readonly #rows: SendPay[] = [];
  readonly #attempts = new Map<PaymentHash, Attempt>();
  #updates = 0;

  constructor(context: ClnContext) {
    this.#context = context;
    // What a process before this one left in the simulated network.
    for (const { paymentHash } of context.network.payments.list(context.name, 0, Number.MAX_SAFE_INTEGER)) this.#sync(paymentHash);
    context.network.subscribe((event) => {
      if (event.kind === 'payment' && event.node === context.name) this.#sync(event.paymentHash);
    });
  }

  /** A new attempt at a hash is about to begin; answers its group. What is listed of an earlier one is left as it is. */
  begin(hash: PaymentHash): number {
    this.#sync(hash);
    const groupId = this.#groupId();
    this.#attempts.set(hash, { groupId, places: [] });
    return groupId;
  }

  /** Notes a payment to the node itself, which the simulated network knows nothing of. */
  addSelf(part: { readonly hash: PaymentHash; readonly amountMsat: bigint; readonly bolt11: string; readonly preimage: string }): void {
    const at = seconds(this.#context.now());
    this.#updates += 1;
    this.#rows.push({
      ...part,
      createdIndex: this.#rows.length + 1,
      groupId: this.#groupId(),
      partId: 1,
      destination: this.#context.self.nodeId,
      sentMsat: part.amountMsat,
      createdAt: at,
      status: 'complete',
      updatedIndex: this.#updates,
      completedAt: at,
    });
  }

  all(): readonly SendPay[] {
    for (const { paymentHash } of this.#context.network.payments.pending()) this.#sync(paymentHash);
    return this.#rows;
  }

  of(hash: string): readonly SendPay[] {
    return this.all().filter((row) => row.hash === hash);
  }

  /** The group of a hash's parts that are under way. */
  groupOf(hash: PaymentHash): number | undefined {
    return this.#attempts.get(hash)?.groupId;
  }

  /** As `listsendpays` has it. */
  view(row: SendPay): Readonly<Record<string, unknown>> {
    return {
      created_index: row.createdIndex,
      id: row.createdIndex,
      payment_hash: row.hash,
      groupid: row.groupId,
      updated_index: row.updatedIndex,
      partid: row.partId,
      destination: row.destination,
      amount_msat: row.amountMsat,
      amount_sent_msat: row.sentMsat,
      created_at: row.createdAt,
      completed_at: row.completedAt,
      status: row.status,
      payment_preimage: row.preimage,
      bolt11: row.bolt11,
    };
  }

  #sync(hash: PaymentHash): void {
    const payment = this.#context.network.payments.find(this.#context.name, hash);
    if (payment === undefined) return;
    const attempt = this.#attempts.get(hash) ?? { groupId: this.#groupId(), places: [] };
    this.#attempts.set(hash, attempt);
    for (const [index, part] of payment.parts.entries()) {
      const place = attempt.places[index];
      const known = place === undefined ? undefined : this.#rows[place];
      if (known !== undefined && known.status !== 'pending') continue;
      const row = this.#row(payment, part, known, attempt.groupId, index);
      if (place === undefined) attempt.places[index] = this.#rows.push(row) - 1;
      else this.#rows[place] = row;
    }
  }

  #row(payment: PaymentRecord, part: PartRecord, known: SendPay | undefined, groupId: number, index: number): SendPay {
    const status = part.phase === 'settled' ? 'complete' : part.phase === 'failed' ? 'failed' : 'pending';
    const now = seconds(this.#context.now());
    if (status !== 'pending') this.#updates += 1;
    return {
      createdIndex: known?.createdIndex ?? this.#rows.length + 1,
      hash: payment.paymentHash,
      groupId,
      partId: index + 1,
      destination: this.#context.network.nodes.find(payment.payee)?.nodeId,
      amountMsat: part.amountMsat,
      sentMsat: part.amountMsat + part.feeMsat,
      createdAt: known?.createdAt ?? now,
      bolt11: payment.paymentRequest,
      preimage: status === 'complete' ? payment.preimage : undefined,
      status,
      updatedIndex: status === 'pending' ? undefined : this.#updates,
      completedAt: status === 'pending' ? undefined : now,
    };
  }

  #groupId(): number {
    return Number(BigInt(`0x${this.#context.randomHex(7)}`) >> 4n);
  }
}
