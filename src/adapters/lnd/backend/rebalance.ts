import type { Channel, Rebalance } from '../../../core/lightning/channel.ts';
import type { CallOptions } from '../../../core/lightning/common.ts';
import { LightningError } from '../../../core/lightning/errors.ts';
import type { PaymentHash, ShortChannelId } from '../../../core/lightning/identifiers.ts';
import type { PaymentOutcome } from '../../../core/lightning/payment.ts';
import { decodeInvoice } from '../mapping/decoded-invoice.ts';
import { toChanId } from '../mapping/short-channel-id.ts';
import { lndAddedInvoice } from '../schema/invoice.ts';
import type { LndContext } from './context.ts';
import type { LndPaymentDriver } from './payment-driver.ts';

const OPERATION = 'channels.rebalance';
const EXPIRY_SECONDS = 300;
const TIMEOUT_MS = 60_000;

/**
 * Pays an invoice of our own out of one channel and back in by the peer of the other. That peer chooses among its channels with
 * us, so with several to one peer it is the peer that is certain, not the channel.
 * @throws LightningError `NOT_FOUND` where a channel is not active, `INVALID_ARGUMENT` where both are with one peer.
 */
export async function rebalance(
  { client, network }: LndContext,
  payments: LndPaymentDriver,
  active: readonly Channel[],
  { from, to, amountMsat, maxFeeMsat }: Rebalance,
  options: CallOptions,
): Promise<PaymentOutcome & { readonly paymentHash: PaymentHash }> {
  const [out, back] = [find(active, from), find(active, to)];
  if (out.peer === back.peer)
    throw new LightningError('INVALID_ARGUMENT', 'both channels are with the same peer', { operation: OPERATION });
  const added = await client.unary(
    {
      operation: OPERATION,
      service: 'default',
      method: 'addInvoice',
      request: { memo: 'rebalance', value_msat: amountMsat.toString(), expiry: String(EXPIRY_SECONDS) },
      schema: lndAddedInvoice,
    },
    options,
  );
  return await payments.send(
    {
      paymentHash: decodeInvoice(added.payment_request, network).paymentHash,
      request: {
        payment_request: added.payment_request,
        outgoing_chan_ids: [toChanId(from)],
        last_hop_pubkey: Buffer.from(back.peer, 'hex'),
        allow_self_payment: true,
      },
      maxFeeMsat,
      timeoutMs: TIMEOUT_MS,
      maxParts: 1,
      operation: OPERATION,
    },
    options,
  );
}

function find(active: readonly Channel[], id: ShortChannelId): Channel {
  const channel = active.find(({ shortChannelId }) => shortChannelId === id);
  if (channel === undefined) throw new LightningError('NOT_FOUND', `there is no active channel ${id}`, { operation: OPERATION });
  return channel;
}
