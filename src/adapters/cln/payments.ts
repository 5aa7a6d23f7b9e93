import type { CallOptions, Page, PageRequest } from '../../core/lightning/common.ts';
import { isLightningError, LightningError } from '../../core/lightning/errors.ts';
import type { PaymentHash, Preimage } from '../../core/lightning/identifiers.ts';
import type { DecodedInvoice, KeysendRequest, Payment, PaymentDriver, PaymentOutcome, PayRequest } from '../../core/lightning/payment.ts';
import { anySignal, pause } from '../shared/abort.ts';
import { networkOfPrefix, prefixOfRequest } from '../shared/network.ts';
import { parseAnswer } from '../shared/parse.ts';
import type { ClnClient } from './client.ts';
import { keysend } from './keysend.ts';
import { failureOf, toDecoded, toSettled } from './mapping-payments.ts';
import { ClnPaymentRecord } from './payment-record.ts';
import { isRefusal, RPC, type RpcError, refusal } from './rpc-error.ts';
import { decodedBolt11Schema, decodedSchema } from './schema.ts';
import { type ClnPaid, paidSchema } from './schema-payments.ts';
import { toWireMsat } from './wire-values.ts';

const DEFAULT_TIMEOUT_MS = 60_000;
const FIRST_POLL_MS = 50;
const LONGEST_POLL_MS = 1_000;

/**
 * Paying with lightningd. It refuses a second payment of a hash itself, so its record can be believed at once. Whatever
 * `xpay` answers, apart from success, the record of parts has the last word: errors come while parts are in flight.
 */
export class ClnPaymentDriver implements PaymentDriver {
  readonly recordIsImmediate = true;
  readonly #client: ClnClient;
  readonly #record: ClnPaymentRecord;
  /** Versions before 24.11, and nodes where the plugin is off, have no `xpay`. */
  #withoutXpay = false;

  constructor(client: ClnClient) {
    this.#client = client;
    this.#record = new ClnPaymentRecord(client);
  }

  async attempt(request: PayRequest & { readonly decoded: DecodedInvoice }, options: CallOptions = {}): Promise<PaymentOutcome> {
    const operation = 'payments.pay';
    const hash = request.decoded.paymentHash;
    const timeoutMs = request.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const deadline = this.#client.clock.now() + timeoutMs;
    try {
      const paid = await this.#pay(request, timeoutMs, options);
      const record = await this.#record.lookup(hash).catch(() => undefined);
      if (paid.payment_preimage !== undefined && paid.status !== 'pending') return toSettled(hash, paid.payment_preimage, paid, record);
      return record ?? { status: 'pending', paymentHash: hash };
    } catch (error) {
      if (isRefusal(error, RPC.invalidParams)) throw refusal(error, operation);
      if (isRefusal(error)) return await this.#afterRefusal(hash, error, deadline, options.signal);
      if (isLightningError(error) && error.retry !== 'lookup-first') throw error;
      return await this.#afterSilence(hash, error, deadline);
    }
  }

  async attemptKeysend(request: KeysendRequest & { readonly preimage: Preimage }, options: CallOptions = {}): Promise<PaymentOutcome> {
    return await keysend({ client: this.#client, record: this.#record, request }, options);
  }

  lookup(hash: PaymentHash, options: CallOptions = {}): Promise<PaymentOutcome | undefined> {
    return this.#record.lookup(hash, options);
  }

  list(request: PageRequest, options: CallOptions = {}): Promise<Page<Payment>> {
    return this.#record.list(request, options);
  }

  async decode(paymentRequest: string, options: CallOptions = {}): Promise<DecodedInvoice> {
    const operation = 'payments.decode';
    const { network } = await this.#client.identity(options.signal);
    const call = { ...options, operation, schema: decodedSchema, readOnly: true, rawRefusal: true } as const;
    const answer = await this.#client.call('decode', { string: paymentRequest }, call).catch((error) => {
      if (!isRefusal(error)) throw error;
      const prefix = prefixOfRequest(paymentRequest);
      const other = prefix === undefined ? undefined : networkOfPrefix(prefix, network);
      if (other !== undefined && other !== network) {
        throw new LightningError('WRONG_NETWORK', `the invoice is for ${other}, the node is on ${network}`, { operation, cause: error });
      }
      throw refusal(error, operation);
    });
    if (answer.type !== 'bolt11 invoice' || !answer.valid) {
      throw new LightningError('INVALID_ARGUMENT', `not a valid BOLT 11 invoice but a ${answer.valid ? '' : 'broken '}${answer.type}`, {
        operation,
      });
    }
    const decoded = parseAnswer(decodedBolt11Schema, answer, operation, "lightningd's decode");
    const invoiceNetwork = networkOfPrefix(decoded.currency, network);
    if (invoiceNetwork === undefined) {
      throw new LightningError('INVALID_ARGUMENT', `an invoice of a network that is not known here: ${decoded.currency}`, { operation });
    }
    return toDecoded(decoded, invoiceNetwork);
  }

  async #pay(request: PayRequest, timeoutMs: number, options: CallOptions): Promise<ClnPaid> {
    const call = { ...options, operation: 'payments.pay', schema: paidSchema, timeoutMs, rawRefusal: true } as const;
    const common = {
      ...(request.amountMsat === undefined ? {} : { amount_msat: toWireMsat(request.amountMsat) }),
      maxfee: toWireMsat(request.maxFeeMsat),
      retry_for: Math.max(1, Math.ceil(timeoutMs / 1000)),
    };
    if (!this.#withoutXpay) {
      try {
        return await this.#client.call('xpay', { invstring: request.paymentRequest, ...common }, call);
      } catch (error) {
        if (!isRefusal(error, RPC.methodNotFound)) throw error;
        this.#withoutXpay = true;
      }
    }
    try {
      return await this.#client.call('pay', { bolt11: request.paymentRequest, ...common }, call);
    } catch (error) {
      // Neither is there: nothing was sent, and another version may be started at this socket.
      if (isRefusal(error, RPC.methodNotFound)) {
        this.#withoutXpay = false;
        throw refusal(error, 'payments.pay');
      }
      throw error;
    }
  }

  /** lightningd gave up or would not begin. Parts may still be in flight, or this hash was paid before. */
  async #afterRefusal(hash: PaymentHash, error: RpcError, deadline: number, signal: AbortSignal | undefined): Promise<PaymentOutcome> {
    const { clock } = this.#client;
    for (let wait = FIRST_POLL_MS; ; wait = Math.min(wait * 2, LONGEST_POLL_MS)) {
      const record = await this.#record.lookup(hash).catch(() => undefined);
      if (record?.status === 'settled') return record;
      if (record?.status !== 'pending') {
        return { status: 'failed', paymentHash: hash, reason: failureOf(error.code), detail: error.message };
      }
      const left = deadline - clock.now();
      if (left <= 0) return record;
      await pause(clock, Math.min(wait, left), anySignal(signal, this.#client.disposed), 'payments.pay');
    }
  }

  /** No answer in time, or the connection went: it may be on its way. */
  async #afterSilence(hash: PaymentHash, error: unknown, deadline: number): Promise<PaymentOutcome> {
    const { clock } = this.#client;
    for (let wait = FIRST_POLL_MS; ; wait = Math.min(wait * 2, LONGEST_POLL_MS)) {
      const record = await this.#record.lookup(hash).catch(() => undefined);
      if (record?.status === 'settled') return record;
      const left = deadline - clock.now();
      if (left <= 0) {
        // A record of failed parts alone does not end it: lightningd may be between two attempts.
        if (record !== undefined) return { status: 'pending', paymentHash: hash };
        return { status: 'unknown', paymentHash: hash, detail: error instanceof Error ? error.message : 'no answer' };
      }
      await pause(clock, Math.min(wait, left), this.#client.disposed, 'payments.pay');
    }
  }
}
