import type { Msat } from '../../../core/lightning/amount.ts';
import { preimage as parsePreimage } from '../../../core/lightning/identifiers.ts';
import type { InvoiceBook } from './invoices.ts';
import { type PaymentEngine, paymentKey } from './payments.ts';
import type { InvoiceRecord, PaymentRecord } from './records.ts';

/** As Core Lightning and eclair do: more than twice the asked amount is a mistake and is refused. */
const MOST_TIMES_ASKED = 2n;

/** What payees do with the HTLCs that reach them: refuse, hold or take. */
export class Receiving {
  readonly #invoices: InvoiceBook;
  readonly #payments: PaymentEngine;
  /** Nodes that take payments for invoices that have run out while the HTLCs were on their way. */
  readonly acceptLate: Set<string> = new Set();

  constructor(invoices: InvoiceBook, payments: PaymentEngine) {
    this.#invoices = invoices;
    this.#payments = payments;
    payments.onArrival = (payment, arrivedMsat) => this.#arrived(payment, arrivedMsat);
    invoices.takeHeld = (invoice) =>
      this.#withPayer(invoice, (node, payment) => payments.take(node, payment.paymentHash, invoice.preimage));
    invoices.releaseHeld = (invoice) =>
      this.#withPayer(invoice, (node, payment) => payments.refuse(node, payment.paymentHash, 'the payee cancelled the invoice'));
  }

  /** A block: held HTLCs that have run out go back, and a hold invoice they were for is cancelled. Call in its transaction. */
  block(height: number): void {
    for (const payment of this.#payments.pending()) {
      if (payment.parts.some((part) => part.phase === 'held' && part.expiryHeight <= height))
        this.release(payment, 'held until its time lock ran out');
    }
  }

  /** Gives back what of a payment is held. Call in a transaction. */
  release(payment: PaymentRecord, detail: string): void {
    const invoice = this.#invoices.find(payment.payee, payment.paymentHash);
    const holding = invoice?.state === 'held' && invoice.payer === paymentKey(payment.node, payment.paymentHash);
    if (invoice !== undefined && holding) this.#invoices.cancel(invoice.node, invoice.paymentHash);
    else this.#payments.refuse(payment.node, payment.paymentHash, detail);
  }

  #arrived(payment: PaymentRecord, arrivedMsat: Msat): void {
    if (payment.kind === 'rebalance') {
      if (arrivedMsat >= payment.amountMsat) this.#payments.take(payment.node, payment.paymentHash, payment.preimage);
      return;
    }
    const invoice = this.#invoices.find(payment.payee, payment.paymentHash);
    if (payment.kind === 'keysend') return this.#keysend(payment, invoice, arrivedMsat);
    const refusal = this.#refusal(payment, invoice);
    if (refusal !== undefined) return this.#payments.refuse(payment.node, payment.paymentHash, refusal);
    if (invoice === undefined || arrivedMsat < payment.amountMsat) return;
    const payer = paymentKey(payment.node, payment.paymentHash);
    if (invoice.preimage === undefined) {
      this.#invoices.change(invoice, { state: 'held', receivedMsat: arrivedMsat, payer });
      return;
    }
    const settled = this.#invoices.settle(this.#invoices.change(invoice, { payer }), invoice.preimage, arrivedMsat);
    this.#payments.take(payment.node, payment.paymentHash, settled.preimage);
  }

  #keysend(payment: PaymentRecord, known: InvoiceRecord | undefined, arrivedMsat: Msat): void {
    if (known !== undefined || payment.preimage === undefined) {
      return this.#payments.refuse(payment.node, payment.paymentHash, 'the payee knows this payment hash already');
    }
    if (arrivedMsat < payment.amountMsat) return;
    const secret = parsePreimage(payment.preimage);
    const invoice = this.#invoices.addKeysend(payment.payee, secret, arrivedMsat);
    this.#invoices.settle(this.#invoices.change(invoice, { payer: paymentKey(payment.node, payment.paymentHash) }), secret, arrivedMsat);
    this.#payments.take(payment.node, payment.paymentHash, secret);
  }

  /** Real payees tell the payer one thing only, "incorrect or unknown payment details"; here people are told which. */
  #refusal(payment: PaymentRecord, invoice: InvoiceRecord | undefined): string | undefined {
    if (invoice === undefined) return 'the payee has no such invoice';
    if (invoice.paymentSecret !== payment.paymentSecret) return 'the payment secret is not the invoice’s';
    if (invoice.state === 'settled') return 'the invoice is paid already';
    if (invoice.state === 'cancelled') return 'the invoice is cancelled';
    if (invoice.state === 'held') return 'the invoice is being paid already';
    if (this.#invoices.stateOf(invoice) === 'expired' && !this.acceptLate.has(invoice.node)) return 'the invoice has expired';
    const asked = invoice.amountMsat;
    if (asked !== undefined && payment.amountMsat < asked) return 'the amount is less than the invoice asks for';
    if (asked !== undefined && payment.amountMsat > asked * MOST_TIMES_ASKED)
      return 'the amount is more than twice what the invoice asks for';
    return undefined;
  }

  #withPayer(invoice: InvoiceRecord, act: (node: string, payment: PaymentRecord) => void): void {
    const [node] = invoice.payer?.split('/') ?? [];
    const payment = node === undefined ? undefined : this.#payments.find(node, invoice.paymentHash);
    if (node !== undefined && payment !== undefined) act(node, payment);
  }
}
