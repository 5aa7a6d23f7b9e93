import type { CallOptions, Page, PageRequest } from '../../core/lightning/common.ts';
import { type PaymentHash, paymentHash } from '../../core/lightning/identifiers.ts';
import type { Payment, PaymentOutcome } from '../../core/lightning/payment.ts';
import { pageLimit, pagePosition } from '../shared/limits.ts';
import type { ClnClient } from './client.ts';
import { outcomeOfParts, toPayment } from './mapping-payments.ts';
import { type ClnSendPay, listSendPaysSchema } from './schema-payments.ts';

/** What lightningd has on record of outgoing payments: the only truth of them. */
export class ClnPaymentRecord {
  readonly #client: ClnClient;

  constructor(client: ClnClient) {
    this.#client = client;
  }

  async lookup(hash: PaymentHash, options: CallOptions = {}): Promise<PaymentOutcome | undefined> {
    return outcomeOfParts(hash, await this.#parts(hash, 'payments.lookup', options));
  }

  /**
   * Pages over the parts, by lightningd's index of their creation, and takes each payment whole from its hash: a page's
   * edge would otherwise cut a multi-part payment in two. A payment stands where its first part does.
   */
  async list(request: PageRequest, options: CallOptions = {}): Promise<Page<Payment>> {
    const operation = 'payments.list';
    const limit = pageLimit(request, operation);
    const items: Payment[] = [];
    let start = pagePosition(request.after, operation) + 1;
    for (;;) {
      const params = { index: 'created', start, limit };
      const { payments } = await this.#client.call('listsendpays', params, {
        ...options,
        operation,
        schema: listSendPaysSchema,
        readOnly: true,
      });
      for (const part of payments) {
        const index = part.created_index ?? start;
        const hash = paymentHash(part.payment_hash);
        const parts = await this.#parts(hash, operation, options);
        const first = Math.min(...parts.map((other) => other.created_index ?? index));
        const payment = first === index ? toPayment(hash, parts) : undefined;
        start = index + 1;
        if (payment !== undefined) items.push(payment);
        if (items.length === limit) return { items, next: String(index) };
      }
      if (payments.length < limit) return { items, next: undefined };
    }
  }

  async #parts(hash: PaymentHash, operation: string, options: CallOptions): Promise<readonly ClnSendPay[]> {
    const call = { ...options, operation, schema: listSendPaysSchema, readOnly: true } as const;
    return (await this.#client.call('listsendpays', { payment_hash: hash }, call)).payments;
  }
}
