import type { CloseStage } from '../../../core/lightning/channel.ts';
import type { CallOptions } from '../../../core/lightning/common.ts';
import { isLightningError, LightningError } from '../../../core/lightning/errors.ts';
import { type Outpoint, type TxId, txId, txIdFromInternalBytes } from '../../../core/lightning/identifiers.ts';
import { lndClosedChannels, lndCloseUpdate, lndPendingChannels } from '../schema/channel.ts';
import type { LndContext } from './context.ts';

/** How to close. */
export interface CloseRequest {
  readonly force?: boolean;
  readonly feeRateSatPerVbyte?: number;
}

const OPERATION = 'channels.close';
const POLL_MS = 500;

/**
 * Closes and follows it to the end: by lnd's own stream, and where that is lost, or the channel was closing already, by its lists.
 * @throws LightningError `NOT_FOUND`, `CONFLICT`
 */
export async function* closeChannel(
  context: LndContext,
  channel: Outpoint,
  request: CloseRequest,
  options: CallOptions,
): AsyncGenerator<CloseStage, void, undefined> {
  let closing = await closingTransaction(context, channel, options);
  if (closing === undefined) {
    try {
      for await (const stage of told(context, channel, request, options)) {
        // A replaced closing transaction is announced again, the same one is not.
        if (stage.stage === 'closed' || stage.txId !== closing) yield stage;
        if (stage.stage === 'closed') return;
        closing = stage.txId;
      }
    } catch (error) {
      const lost = isLightningError(error, 'CONNECTION_LOST') || isLightningError(error, 'UNAVAILABLE');
      if (closing === undefined || !lost) throw error;
    }
  } else yield { stage: 'closing', txId: closing };
  yield { stage: 'closed', txId: await confirmed(context, channel, options) };
}

async function* told(
  { client }: LndContext,
  channel: Outpoint,
  { force = false, feeRateSatPerVbyte }: CloseRequest,
  options: CallOptions,
): AsyncGenerator<CloseStage, void, undefined> {
  const [funding, index] = channel.split(':');
  const updates = client.stream(
    {
      operation: OPERATION,
      service: 'default',
      method: 'closeChannel',
      request: {
        channel_point: { funding_txid_str: funding, output_index: Number(index) },
        force,
        // Else lnd refuses while a payment is on its way, which one that has just settled still is for a moment.
        no_wait: !force,
        ...(feeRateSatPerVbyte !== undefined && !force && { sat_per_vbyte: String(feeRateSatPerVbyte) }),
      },
      schema: lndCloseUpdate,
    },
    options,
  );
  for await (const { close_pending: pending, chan_close: closed } of updates) {
    if (pending) yield { stage: 'closing', txId: txIdFromInternalBytes(pending.txid) };
    if (closed) yield { stage: 'closed', txId: txIdFromInternalBytes(closed.closing_txid) };
  }
}

/** The closing transaction of a channel whose close is broadcast and not confirmed. @throws LightningError `CONFLICT` when it is closed. */
async function closingTransaction(context: LndContext, channel: Outpoint, options: CallOptions): Promise<TxId | undefined> {
  const { client } = context;
  const pending = await client.unary(
    { operation: OPERATION, service: 'default', method: 'pendingChannels', request: {}, schema: lndPendingChannels },
    options,
  );
  const waiting = pending.waiting_close_channels.find((listed) => listed.channel.channel_point === channel);
  if (waiting !== undefined && waiting.closing_txid !== '') return txId(waiting.closing_txid);
  if ((await closedTransaction(context, channel, options)) !== undefined) {
    throw new LightningError('CONFLICT', 'the channel is closed already', { operation: OPERATION });
  }
  return undefined;
}

async function closedTransaction({ client }: LndContext, channel: Outpoint, options: CallOptions): Promise<TxId | undefined> {
  const call = { operation: OPERATION, service: 'default', request: {} } as const;
  const pending = await client.unary({ ...call, method: 'pendingChannels', schema: lndPendingChannels }, options);
  const forced = pending.pending_force_closing_channels.find((listed) => listed.channel.channel_point === channel);
  if (forced !== undefined) return txId(forced.closing_txid);
  const { channels } = await client.unary({ ...call, method: 'closedChannels', schema: lndClosedChannels }, options);
  const closed = channels.find(({ channel_point }) => channel_point === channel);
  return closed === undefined ? undefined : txId(closed.closing_tx_hash);
}

async function confirmed(context: LndContext, channel: Outpoint, options: CallOptions): Promise<TxId> {
  for (;;) {
    try {
      const closed = await closedTransaction(context, channel, options);
      if (closed !== undefined) return closed;
    } catch (error) {
      if (!isLightningError(error, 'CONNECTION_LOST') && !isLightningError(error, 'UNAVAILABLE')) throw error;
    }
    try {
      await context.clock.sleep(POLL_MS, options.signal);
    } catch (cause) {
      throw new LightningError('ABORTED', 'gave up watching; the close goes on', { operation: OPERATION, cause });
    }
  }
}
