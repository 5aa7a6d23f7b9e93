import type { CallOptions } from '../../../core/lightning/common.ts';
import { isLightningError } from '../../../core/lightning/errors.ts';
import type { PaymentHash } from '../../../core/lightning/identifiers.ts';
import { hashOfPreimage } from '../../../core/lightning/identifiers.ts';
import type { PaymentDriver, PaymentOutcome } from '../../../core/lightning/payment.ts';
import type { SimulatedNode } from '../gateway/calls.ts';
import { readInvoice } from '../network/bolt11.ts';

/** Pays by a simulated node, which notes a payment before it does anything and pays no hash twice. */
export function simulatedPaymentDriver(node: SimulatedNode): PaymentDriver {
  return {
    recordIsImmediate: true,
    attempt: ({ paymentRequest, amountMsat, maxFeeMsat, timeoutMs, decoded }, options) =>
      attempted(decoded.paymentHash, () =>
        node.call(
          'pay',
          { paymentRequest, maxFeeMsat, ...(amountMsat !== undefined && { amountMsat }), ...(timeoutMs !== undefined && { timeoutMs }) },
          options,
        ),
      ),
    attemptKeysend: ({ destination, amountMsat, maxFeeMsat, preimage, timeoutMs }, options) =>
      attempted(hashOfPreimage(preimage), () =>
        node.call('keysend', { destination, amountMsat, maxFeeMsat, preimage, ...(timeoutMs !== undefined && { timeoutMs }) }, options),
      ),
    lookup: async (paymentHash, options) => (await node.call('lookupPayment', { paymentHash }, options)) ?? undefined,
    list: async (request, options) => await node.call('listPayments', request, options),
    decode: async (paymentRequest: string, _options?: CallOptions) => {
      const { paymentSecret: _, ...decoded } = readInvoice(paymentRequest);
      return decoded;
    },
  };
}

/** An attempt whose answer was lost may have paid: that is an outcome, not an error. */
async function attempted(paymentHash: PaymentHash, attempt: () => Promise<PaymentOutcome>): Promise<PaymentOutcome> {
  try {
    return await attempt();
  } catch (error) {
    if (isLightningError(error) && error.retry === 'lookup-first') return { status: 'unknown', paymentHash, detail: error.message };
    throw error;
  }
}
