import { createHash, randomBytes } from 'node:crypto';
import type { Payer } from '../../../../src/client/quote-check.ts';
import { type Msat, msat } from '../../../../src/core/lightning/amount.ts';
import type { NodeIdentity } from '../../../../src/core/lightning/backend.ts';
import { LightningError, type LightningErrorCode } from '../../../../src/core/lightning/errors.ts';
import { nodeId, type PaymentHash, paymentHash, preimage } from '../../../../src/core/lightning/identifiers.ts';
import type { DecodedInvoice, PaymentOutcome, Payments, PayRequest } from '../../../../src/core/lightning/payment.ts';

interface TestInvoice extends DecodedInvoice {
  readonly preimage: string;
}

/** How the next payment goes. */
export type Mode = 'settle' | 'fail' | 'pending' | { readonly throws: LightningErrorCode };

/** A wallet in memory that keeps the port's promises: paying is idempotent by payment hash. It outlives "crashes" of the buyer. */
export class TestPayer implements Payer {
  readonly invoices: Map<string, TestInvoice> = new Map();
  /** Every time that money left, by payment hash. */
  readonly paid: PaymentHash[] = [];
  readonly feeMsat: Msat = msat(1_000);
  attempts = 0;
  mode: Mode = 'settle';
  onSettled: (hash: PaymentHash) => void = () => {};
  identity: NodeIdentity = { network: 'regtest', nodeId: nodeId(`02${'11'.repeat(32)}`) };
  readonly #outcomes = new Map<PaymentHash, PaymentOutcome>();

  invoice(amountMsat: Msat, expiresAt: number, change: Partial<DecodedInvoice> = {}): TestInvoice & { readonly text: string } {
    const secret = randomBytes(32);
    const hash = paymentHash(createHash('sha256').update(secret).digest('hex'));
    const text = `lnbcrt1${hash}`;
    const invoice: TestInvoice = {
      paymentHash: hash,
      payee: nodeId(`03${'22'.repeat(32)}`),
      network: 'regtest',
      amountMsat,
      description: undefined,
      descriptionHash: undefined,
      createdAt: 0,
      expiresAt,
      finalCltvDelta: 18,
      routeHints: [],
      preimage: secret.toString('hex'),
      ...change,
    };
    this.invoices.set(text, invoice);
    return { ...invoice, text };
  }

  /** A payment that was pending ends well. */
  settle(hash: PaymentHash): void {
    const invoice = this.invoices.get(`lnbcrt1${hash}`);
    if (invoice === undefined || this.#outcomes.get(hash)?.status === 'settled') return;
    this.paid.push(hash);
    this.#outcomes.set(hash, {
      status: 'settled',
      paymentHash: hash,
      preimage: preimage(invoice.preimage),
      amountMsat: invoice.amountMsat ?? msat(0),
      feeMsat: this.feeMsat,
      settledAt: 0,
      parts: [],
    });
    this.onSettled(hash);
  }

  readonly node: Payer['node'] = {
    identity: async () => this.identity,
    info: () => Promise.reject(new Error('not asked')),
  };

  readonly payments: Payments = {
    decode: async (text) => {
      const invoice = this.invoices.get(text);
      if (invoice === undefined) throw new LightningError('INVALID_ARGUMENT', 'not an invoice', { operation: 'decode' });
      return invoice;
    },
    lookup: async (hash) => this.#outcomes.get(hash),
    pay: (request) => this.#pay(request),
    keysend: () => Promise.reject(new Error('not asked')),
    list: () => Promise.reject(new Error('not asked')),
  };

  async #pay(request: PayRequest): Promise<PaymentOutcome> {
    const { paymentHash: hash } = await this.payments.decode(request.paymentRequest);
    const before = this.#outcomes.get(hash);
    if (before !== undefined && before.status !== 'failed') return before;
    this.attempts += 1;
    const { mode } = this;
    if (typeof mode === 'object') throw new LightningError(mode.throws, `the node says ${mode.throws}`, { operation: 'pay' });
    if (mode === 'fail') this.#outcomes.set(hash, { status: 'failed', paymentHash: hash, reason: 'no-route', detail: 'no way there' });
    if (mode === 'pending') this.#outcomes.set(hash, { status: 'pending', paymentHash: hash });
    if (mode === 'settle') this.settle(hash);
    return this.#outcomes.get(hash) as PaymentOutcome;
  }
}
