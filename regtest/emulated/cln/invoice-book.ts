import type { InvoiceRecord } from '../../../src/adapters/simulated/network/records.ts';
import { type PaymentHash, paymentHash } from '../../../src/core/lightning/identifiers.ts';
import { textOf } from '../shared/invoice-text.ts';
import { type ClnContext, seconds } from './context.ts';

/** How lightningd labels what came without an invoice. */
const KEYSEND = 'keysend-';

/** Ways that lightningd counts changes. */
export type IndexName = 'created' | 'updated' | 'deleted';

/** What lightningd knows of invoices beside the simulated node: labels, long descriptions, its indexes, what was deleted. */
export class InvoiceBook {
  readonly #context: ClnContext;
  readonly #labels = new Map<string, PaymentHash>();
  readonly #labelOf = new Map<PaymentHash, string>();
  readonly #descriptions = new Map<PaymentHash, string>();
  readonly #deleted = new Set<PaymentHash>();
  readonly #updated: PaymentHash[] = [];
  readonly #updatedIndex = new Map<PaymentHash, number>();
  readonly #open = new Set<PaymentHash>();
  #nextExpiry = Number.POSITIVE_INFINITY;

  constructor(context: ClnContext) {
    this.#context = context;
    this.#restore();
    context.network.subscribe((event) => {
      if (event.kind !== 'settlement' || event.node !== context.name) return;
      this.#sweep();
      this.#update(event.paymentHash);
    });
  }

  /** What the simulated node is given as a label: it never forgets one, and lightningd's may be used again after a deletion. */
  simulatedLabel(label: string): string {
    return `${this.#context.self.addCount + 1} ${label}`;
  }

  /** Notes an invoice that was just made. */
  add(record: InvoiceRecord, label: string, description: string): void {
    this.#labels.set(label, record.paymentHash);
    this.#labelOf.set(record.paymentHash, label);
    this.#descriptions.set(record.paymentHash, description);
    this.#open.add(record.paymentHash);
    this.#nextExpiry = Math.min(this.#nextExpiry, record.expiresAt);
  }

  byLabel(label: string): InvoiceRecord | undefined {
    const unlabelled = label.startsWith(KEYSEND) ? this.all().find((record) => this.labelOf(record) === label) : undefined;
    const hash = this.#labels.get(label) ?? unlabelled?.paymentHash;
    return hash === undefined ? undefined : this.byHash(hash);
  }

  byHash(hash: string): InvoiceRecord | undefined {
    this.#sweep();
    const record = this.#context.network.invoices.find(this.#context.name, paymentHash(hash));
    return record === undefined || this.#isGone(record) ? undefined : record;
  }

  all(): readonly InvoiceRecord[] {
    this.#sweep();
    const { network, name } = this.#context;
    return network.invoices.list(name, 0, Number.MAX_SAFE_INTEGER).filter((record) => !this.#isGone(record));
  }

  /** Invoices from an index on. */
  page(index: IndexName, start: number, limit: number): readonly InvoiceRecord[] {
    const { network, name } = this.#context;
    if (index === 'updated') {
      this.#sweep();
      const hashes = this.#updated
        .slice(Math.max(0, start - 1))
        .filter((hash, at) => this.#updatedIndex.get(hash) === Math.max(1, start) + at);
      return hashes
        .map((hash) => this.byHash(hash))
        .filter((record) => record !== undefined)
        .slice(0, limit);
    }
    this.#sweep();
    const from = Math.max(0, start - 1);
    return network.invoices
      .list(name, from, Number.MAX_SAFE_INTEGER)
      .filter((record) => !this.#isGone(record))
      .slice(0, limit);
  }

  /** The highest value of an index. */
  head(index: IndexName): number {
    this.#sweep();
    if (index === 'updated') return this.#updated.length;
    if (index === 'deleted') return this.#deleted.size;
    return this.#context.self.addCount;
  }

  /** Takes an invoice out of the list; its label may be used again. */
  remove(record: InvoiceRecord): void {
    this.#labels.delete(this.labelOf(record));
    this.#deleted.add(record.paymentHash);
    this.#open.delete(record.paymentHash);
  }

  labelOf(record: InvoiceRecord): string {
    return this.#labelOf.get(record.paymentHash) ?? `${KEYSEND}${seconds(record.createdAt)}.${record.addNumber}`;
  }

  statusOf(record: InvoiceRecord): 'paid' | 'unpaid' | 'expired' {
    const state = this.#context.network.invoices.stateOf(record);
    if (state === 'settled') return 'paid';
    return state === 'expired' ? 'expired' : 'unpaid';
  }

  /** As `listinvoices` and `waitanyinvoice` have it. */
  view(record: InvoiceRecord): Readonly<Record<string, unknown>> {
    const status = this.statusOf(record);
    return {
      label: this.labelOf(record),
      bolt11: textOf(this.#context.network, record, 'keysend'),
      payment_hash: record.paymentHash,
      amount_msat: record.amountMsat,
      status,
      ...(status === 'paid' && {
        pay_index: record.settleNumber,
        amount_received_msat: record.receivedMsat,
        paid_at: seconds(record.settledAt ?? 0),
        payment_preimage: record.preimage,
      }),
      description: this.#descriptions.get(record.paymentHash) ?? record.description ?? 'keysend',
      expires_at: seconds(record.expiresAt),
      created_index: record.addNumber,
      updated_index: this.#updatedIndex.get(record.paymentHash),
    };
  }

  /** What a process before this one left in the simulated network. */
  #restore(): void {
    const { network, name } = this.#context;
    for (const record of network.invoices.list(name, 0, Number.MAX_SAFE_INTEGER)) {
      const label = record.label?.slice(record.label.indexOf(' ') + 1);
      if (label !== undefined && record.state !== 'cancelled') this.add(record, label, record.description ?? '');
    }
    for (const { paymentHash: hash } of network.invoices.settledAfter(name, 0, Number.MAX_SAFE_INTEGER)) this.#update(hash);
  }

  /** Expiring is a change of its own: lightningd notes it by a timer, we when somebody looks. */
  #sweep(): void {
    const now = this.#context.now();
    if (now <= this.#nextExpiry) return;
    this.#nextExpiry = Number.POSITIVE_INFINITY;
    for (const hash of this.#open) {
      const record = this.#context.network.invoices.find(this.#context.name, hash);
      if (record === undefined || record.state === 'settled') this.#open.delete(hash);
      else if (now > record.expiresAt) this.#update(hash);
      else this.#nextExpiry = Math.min(this.#nextExpiry, record.expiresAt);
    }
  }

  #update(hash: PaymentHash): void {
    this.#open.delete(hash);
    this.#updatedIndex.set(hash, this.#updated.push(hash));
  }

  #isGone(record: InvoiceRecord): boolean {
    return record.state === 'cancelled' || this.#deleted.has(record.paymentHash);
  }
}
