import { MAX_MSAT, type Msat, msat } from '../../../core/lightning/amount.ts';
import type { CallOptions, Page, PageRequest } from '../../../core/lightning/common.ts';
import { isLightningError, LightningError } from '../../../core/lightning/errors.ts';
import { hashOfPreimage, type PaymentHash, type Preimage } from '../../../core/lightning/identifiers.ts';
import type {
  DecodedInvoice,
  KeysendRequest,
  Payment,
  PaymentDriver,
  PaymentOutcome,
  PayRequest,
  RouteHint,
} from '../../../core/lightning/payment.ts';
import { decodeInvoice } from '../mapping/decoded-invoice.ts';
import { toOutcome, toPayment } from '../mapping/payment.ts';
import { toChanId } from '../mapping/short-channel-id.ts';
import { type LndPayment, lndPayment, lndPaymentList, lndRoutes } from '../schema/payment.ts';
import { type LndContext, toRange } from './context.ts';

/** What lnd's `SendPaymentV2` is told, without what is the same for all. */
export interface SendPayment {
  readonly paymentHash: PaymentHash;
  readonly request: Readonly<Record<string, unknown>>;
  readonly maxFeeMsat: Msat;
  readonly timeoutMs: number | undefined;
  readonly maxParts: number;
  readonly operation: string;
}

const DEFAULT_TIMEOUT_MS = 60_000;
/** lnd's answer to its own deadline takes a moment. */
const GRACE_MS = 1_000;
const LOOKUP_EVERY_MS = 500;
const MAX_PARTS = 16;
const KEYSEND_RECORD = '5482373484';
const KEYSEND_FINAL_CLTV = 80;

/** Paying with lnd. lnd itself refuses a second payment of a hash that is paid or in flight, so its record can be believed at once. */
export class LndPaymentDriver implements PaymentDriver {
  readonly recordIsImmediate = true;
  readonly #context: LndContext;

  constructor(context: LndContext) {
    this.#context = context;
  }

  /**
   * In one part first, in several only where no single route is there at any price. lnd would split to get below a fee cap,
   * send what fits, find no route for the rest, and leave the payment hanging until the payee gives up waiting.
   */
  async attempt(request: PayRequest & { readonly decoded: DecodedInvoice }, options: CallOptions = {}): Promise<PaymentOutcome> {
    const { decoded, maxFeeMsat, timeoutMs = DEFAULT_TIMEOUT_MS } = request;
    const amountMsat = decoded.amountMsat ?? request.amountMsat ?? msat(0);
    const deadline = this.#context.clock.now() + timeoutMs;
    const payment: SendPayment = {
      paymentHash: decoded.paymentHash,
      request: {
        payment_request: request.paymentRequest.trim().replace(/^lightning:/i, ''),
        ...(decoded.amountMsat === undefined && { amt_msat: amountMsat.toString() }),
      },
      maxFeeMsat,
      timeoutMs,
      maxParts: 1,
      operation: 'payments.pay',
    };
    const outcome = await this.send(payment, options);
    if (outcome.status !== 'failed' || (outcome.reason !== 'no-route' && outcome.reason !== 'insufficient-balance')) return outcome;
    const cheapestMsat = await this.#cheapestFee(decoded, amountMsat, options);
    if (cheapestMsat !== undefined && cheapestMsat > maxFeeMsat) {
      const detail = `the cheapest route costs ${cheapestMsat} msat, the cap is ${maxFeeMsat} msat`;
      return { ...outcome, reason: 'fee-cap', detail };
    }
    const left = deadline - this.#context.clock.now();
    return left > 0 ? await this.send({ ...payment, timeoutMs: left, maxParts: MAX_PARTS }, options) : outcome;
  }

  async attemptKeysend(request: KeysendRequest & { readonly preimage: Preimage }, options: CallOptions = {}): Promise<PaymentOutcome> {
    const paymentHash = hashOfPreimage(request.preimage);
    return await this.send(
      {
        paymentHash,
        request: {
          dest: Buffer.from(request.destination, 'hex'),
          amt_msat: request.amountMsat.toString(),
          payment_hash: Buffer.from(paymentHash, 'hex'),
          final_cltv_delta: KEYSEND_FINAL_CLTV,
          dest_custom_records: { [KEYSEND_RECORD]: Buffer.from(request.preimage, 'hex') },
        },
        maxFeeMsat: request.maxFeeMsat,
        timeoutMs: request.timeoutMs,
        maxParts: MAX_PARTS,
        operation: 'payments.keysend',
      },
      options,
    );
  }

  async lookup(hash: PaymentHash, options: CallOptions = {}): Promise<PaymentOutcome | undefined> {
    const tracked = this.#context.client.stream(
      {
        operation: 'payments.lookup',
        service: 'router',
        method: 'trackPaymentV2',
        request: { payment_hash: Buffer.from(hash, 'hex') },
        schema: lndPayment,
      },
      options,
    );
    try {
      // The first message is how it stands now.
      for await (const payment of tracked) return toOutcome(payment);
    } catch (error) {
      if (!isLightningError(error, 'NOT_FOUND')) throw error;
    }
    return undefined;
  }

  async list(request: PageRequest, options: CallOptions = {}): Promise<Page<Payment>> {
    const { offset, limit } = toRange(request, 'payments.list');
    const page = await this.#context.client.unary(
      {
        operation: 'payments.list',
        service: 'default',
        method: 'listPayments',
        request: { include_incomplete: true, index_offset: offset.toString(), max_payments: String(limit) },
        schema: lndPaymentList,
      },
      options,
    );
    return { items: page.payments.map(toPayment), next: page.payments.length < limit ? undefined : page.last_index_offset.toString() };
  }

  async decode(paymentRequest: string): Promise<DecodedInvoice> {
    return decodeInvoice(paymentRequest, this.#context.network);
  }

  /** Tells lnd to pay and waits for how it ends, at most the time given. Throws only what is sure to have left nothing in flight. */
  async send(payment: SendPayment, options: CallOptions): Promise<PaymentOutcome> {
    const { paymentHash, operation } = payment;
    const timeoutMs = payment.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const deadline = this.#context.clock.now() + timeoutMs + GRACE_MS;
    const timer = new AbortController();
    const timed = this.#context.clock.setTimer(timeoutMs + GRACE_MS, () => timer.abort());
    const signal = options.signal === undefined ? timer.signal : AbortSignal.any([timer.signal, options.signal]);
    try {
      const sent = this.#context.client.stream(
        {
          operation,
          service: 'router',
          method: 'sendPaymentV2',
          request: {
            ...payment.request,
            fee_limit_msat: payment.maxFeeMsat.toString(),
            timeout_seconds: Math.max(1, Math.ceil(timeoutMs / 1000)),
            max_parts: payment.maxParts,
          },
          schema: lndPayment,
        },
        { signal },
      );
      for await (const update of sent) if (isFinal(update)) return toOutcome(update);
      return await this.#afterwards(paymentHash, deadline, options);
    } catch (error) {
      return await this.#failed(error, payment, deadline, options);
    } finally {
      timed[Symbol.dispose]();
    }
  }

  async #failed(error: unknown, { paymentHash, operation }: SendPayment, deadline: number, options: CallOptions): Promise<PaymentOutcome> {
    if (!(error instanceof LightningError)) throw error;
    const failed = (reason: 'expired' | 'self-payment', detail: string): PaymentOutcome => ({
      status: 'failed',
      paymentHash,
      reason,
      detail,
    });
    switch (error.code) {
      case 'ABORTED':
        if (options.signal?.aborted) return { status: 'unknown', paymentHash, detail: 'the caller gave up waiting' };
        return await this.#afterwards(paymentHash, deadline, options);
      case 'ALREADY_EXISTS':
      case 'CONNECTION_LOST':
      case 'TIMEOUT':
      case 'PROTOCOL':
        return await this.#afterwards(paymentHash, deadline, options);
      default: {
        const text = `${error.message} ${error.context['details'] ?? ''}`;
        if (/invoice expired/i.test(text)) return failed('expired', 'the invoice has expired');
        if (/self-payments? not allowed/i.test(text)) return failed('self-payment', 'the invoice is our own');
        if (/not.*active network|invoice not for/i.test(text))
          throw new LightningError('WRONG_NETWORK', 'the invoice is for another network', { operation });
        // lnd answers these before it makes a record of the payment: nothing is in flight.
        throw error.retry === 'lookup-first' ? await this.#certain(error, paymentHash, options) : error;
      }
    }
  }

  /** An error that may have come after lnd began: its record decides. */
  async #certain(error: LightningError, paymentHash: PaymentHash, options: CallOptions): Promise<LightningError> {
    const { message, operation, context } = error;
    if ((await this.lookup(paymentHash, options).catch(() => 'unknown')) !== undefined) return error;
    return new LightningError('REJECTED', message, { operation, context, retry: 'never' });
  }

  /** What lnd's record says once the call itself has ended without: asked until it is final, or known to be none, or time is up. */
  async #afterwards(paymentHash: PaymentHash, deadline: number, options: CallOptions): Promise<PaymentOutcome> {
    let last: PaymentOutcome = { status: 'unknown', paymentHash, detail: 'the connection to lnd ended before the outcome' };
    for (;;) {
      try {
        const outcome = await this.lookup(paymentHash, options);
        if (outcome === undefined) return { status: 'failed', paymentHash, reason: 'error', detail: 'lnd was never told to pay' };
        if (outcome.status === 'settled' || outcome.status === 'failed') return outcome;
        last = outcome;
      } catch (error) {
        // Aborted by the caller, or the backend was closed: there will be no answer any more.
        if (!isLightningError(error) || error.code === 'ABORTED') return last;
      }
      const left = deadline - this.#context.clock.now();
      if (left <= 0) return last;
      await this.#context.clock.sleep(Math.min(left, LOOKUP_EVERY_MS));
    }
  }

  /** What a single route costs at least, without cap; undefined where there is none, or lnd can't say. */
  async #cheapestFee(
    { payee, finalCltvDelta, routeHints }: DecodedInvoice,
    amountMsat: Msat,
    options: CallOptions,
  ): Promise<bigint | undefined> {
    const request = {
      pub_key: payee,
      amt_msat: amountMsat.toString(),
      final_cltv_delta: finalCltvDelta,
      fee_limit: { fixed_msat: MAX_MSAT.toString() },
      use_mission_control: true,
      route_hints: routeHints.map((hops) => ({ hop_hints: hops.map(toHopHint) })),
    };
    try {
      const { routes } = await this.#context.client.unary(
        { operation: 'payments.pay', service: 'default', method: 'queryRoutes', request, schema: lndRoutes },
        options,
      );
      return routes[0]?.total_fees_msat;
    } catch {
      return undefined;
    }
  }
}

function toHopHint(hint: RouteHint): Readonly<Record<string, unknown>> {
  return {
    node_id: hint.nodeId,
    chan_id: toChanId(hint.channel),
    fee_base_msat: Number(hint.baseFeeMsat),
    fee_proportional_millionths: hint.feeRatePpm,
    cltv_expiry_delta: hint.cltvDelta,
  };
}

function isFinal({ status }: LndPayment): boolean {
  return status === 'SUCCEEDED' || status === 'FAILED';
}
