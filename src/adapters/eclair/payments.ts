import { toSatFloor } from '../../core/lightning/amount.ts';
import type { CallOptions, Page, PageRequest } from '../../core/lightning/common.ts';
import { isLightningError, LightningError } from '../../core/lightning/errors.ts';
import { type PaymentHash, paymentHash } from '../../core/lightning/identifiers.ts';
import type { DecodedInvoice, Payment, PaymentDriver, PaymentFailure, PaymentOutcome, PayRequest } from '../../core/lightning/payment.ts';
import { pageLimit, pagePosition } from '../shared/limits.ts';
import { networkOfPrefix, prefixOfRequest } from '../shared/network.ts';
import { plainText } from '../shared/redact.ts';
import type { EclairClient } from './client.ts';
import { isRefusal, refusal } from './http-answer.ts';
import { FAR_FUTURE_SECONDS } from './invoice-list.ts';
import { toDecoded } from './mapping-invoices.ts';
import { failureOf, outcomeOfRecord, toPayment, toSettled } from './mapping-payments.ts';
import { anythingSchema, usableBalancesSchema } from './schema.ts';
import { invoiceSchema } from './schema-invoices.ts';
import { auditSchema, payResultSchema, sentInfoSchema } from './schema-payments.ts';

const DEFAULT_TIMEOUT_MS = 60_000;
/** How much longer than us eclair waits, so that it does not answer "timed out" first. */
const SERVER_MARGIN_SECONDS = 5;
const AT_ONCE = 8;
/** "Any fee", for asking whether there is a route at all. */
const ANY_FEE_MSAT = 1_000_000_000_000;

type Attempt = PayRequest & { readonly decoded: DecodedInvoice };

/**
 * Paying with eclair, which checks nothing itself: it pays a paid invoice again if it is told to, and only the payee
 * refuses. The lock is the core's. `payinvoice` is told to wait, since only its own answer tells a failed attempt from
 * a pause between two; whatever else it answers, the record is asked.
 */
export class EclairPaymentDriver implements PaymentDriver {
  readonly recordIsImmediate = false;
  readonly #client: EclairClient;

  constructor(client: EclairClient) {
    this.#client = client;
  }

  async attempt(request: Attempt, options: CallOptions = {}): Promise<PaymentOutcome> {
    const operation = 'payments.pay';
    const { decoded } = request;
    const hash = decoded.paymentHash;
    const timeoutMs = request.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const form = {
      invoice: request.paymentRequest,
      amountMsat: request.amountMsat === undefined ? undefined : String(request.amountMsat),
      // The limits are "or": with a percentage of 0 the flat one is hard.
      maxFeeFlatSat: String(toSatFloor(request.maxFeeMsat)),
      maxFeePct: 0,
      blocking: true,
      timeoutSeconds: Math.ceil(timeoutMs / 1000) + SERVER_MARGIN_SECONDS,
    };
    try {
      const result = await this.#client.call('/payinvoice', form, {
        ...options,
        operation,
        schema: payResultSchema,
        timeoutMs,
        rawRefusal: true,
      });
      if (result.type === 'payment-sent') return toSettled(result);
      const { reason, detail, isLocal } = failureOf(result, decoded.payee);
      const better = isLocal ? await this.#localReason(request).catch(() => undefined) : undefined;
      return { status: 'failed', paymentHash: hash, reason: better ?? reason, detail: plainText(detail) };
    } catch (error) {
      if (isRefusal(error, 400)) {
        if (decoded.expiresAt <= this.#client.nodeNow())
          return { status: 'failed', paymentHash: hash, reason: 'expired', detail: error.message };
        throw refusal(error, operation, { place: 'eclair' });
      }
      if (isLightningError(error) && error.retry !== 'lookup-first') throw error;
      return await this.#afterSilence(hash, error);
    }
  }

  async lookup(hash: PaymentHash, options: CallOptions = {}): Promise<PaymentOutcome | undefined> {
    const call = { ...options, operation: 'payments.lookup', schema: sentInfoSchema, readOnly: true } as const;
    return outcomeOfRecord(hash, await this.#client.call('/getsentinfo', { paymentHash: hash }, call));
  }

  /** eclair lists what went through, and nothing else. */
  async list(request: PageRequest, options: CallOptions = {}): Promise<Page<Payment>> {
    const operation = 'payments.list';
    const limit = pageLimit(request, operation);
    const skip = pagePosition(request.after, operation);
    const form = { from: 0, to: FAR_FUTURE_SECONDS, count: limit, skip };
    const { sent } = await this.#client.call('/audit', form, { ...options, operation, schema: auditSchema, readOnly: true });
    const items: Payment[] = [];
    for (let at = 0; at < sent.length; at += AT_ONCE) {
      const some = sent.slice(at, at + AT_ONCE).map(async (one) => {
        const call = { ...options, operation, schema: sentInfoSchema, readOnly: true } as const;
        return toPayment(one, await this.#client.call('/getsentinfo', { paymentHash: paymentHash(one.paymentHash) }, call));
      });
      items.push(...(await Promise.all(some)));
    }
    return { items, next: sent.length === limit ? String(skip + limit) : undefined };
  }

  async decode(request: string, options: CallOptions = {}): Promise<DecodedInvoice> {
    const operation = 'payments.decode';
    const { network } = await this.#client.identity(options.signal);
    // Whatever can't be read is an argument, with whichever status it is refused.
    const meaning = { 400: 'INVALID_ARGUMENT', 404: 'INVALID_ARGUMENT', 500: 'INVALID_ARGUMENT' } as const;
    const call = { ...options, operation, schema: invoiceSchema, readOnly: true, meaning } as const;
    const invoice = await this.#client.call('/parseinvoice', { invoice: request }, call).catch((error) => {
      const prefix = prefixOfRequest(request);
      const other = prefix === undefined ? undefined : networkOfPrefix(prefix, network);
      if (!isLightningError(error, 'INVALID_ARGUMENT') || other === undefined || other === network) throw error;
      throw new LightningError('WRONG_NETWORK', `the invoice is for ${other}, the node is on ${network}`, { operation, cause: error });
    });
    const invoiceNetwork = networkOfPrefix(invoice.prefix, network);
    if (invoiceNetwork === undefined) {
      throw new LightningError('INVALID_ARGUMENT', `an invoice of a network that is not known here: ${plainText(invoice.prefix)}`, {
        operation,
      });
    }
    return toDecoded(invoice, invoiceNetwork);
  }

  /** No answer in time, a 500 in the middle, or the connection went: the record tells what it can. */
  async #afterSilence(hash: PaymentHash, error: unknown): Promise<PaymentOutcome> {
    const record = await this.lookup(hash).catch(() => undefined);
    if (record?.status === 'settled') return record;
    // Failed parts alone do not end it: eclair may be between two attempts.
    if (record !== undefined) return { status: 'pending', paymentHash: hash };
    return { status: 'unknown', paymentHash: hash, detail: error instanceof Error ? plainText(error.message) : 'no answer' };
  }

  /** Why nothing was even sent: eclair's texts for it change, so we look for ourselves. */
  async #localReason(request: Attempt): Promise<PaymentFailure | undefined> {
    const operation = 'payments.pay';
    const { decoded } = request;
    const node = await this.#client.identity();
    if (decoded.payee === node.nodeId) return 'self-payment';
    const amountMsat = request.amountMsat ?? decoded.amountMsat;
    if (amountMsat === undefined) return undefined;
    const balances = await this.#client.call('/usablebalances', {}, { operation, schema: usableBalancesSchema, readOnly: true });
    if (balances.reduce((sum, balance) => sum + balance.canSend, 0n) < amountMsat) return 'insufficient-balance';
    const form = { invoice: request.paymentRequest, amountMsat: String(amountMsat), maxFeeMsat: ANY_FEE_MSAT };
    try {
      await this.#client.call('/findroute', form, { operation, schema: anythingSchema, readOnly: true, rawRefusal: true });
      return 'fee-cap';
    } catch {
      return 'no-route';
    }
  }
}
