import type { CloseStage } from '../../core/lightning/channel.ts';
import type { CallOptions } from '../../core/lightning/common.ts';
import { LightningError } from '../../core/lightning/errors.ts';
import { type Outpoint, type TxId, txId } from '../../core/lightning/identifiers.ts';
import { anySignal, pause } from '../shared/abort.ts';
import { plainText } from '../shared/redact.ts';
import { closedChannels, openChannels, outpointOf } from './channel-list.ts';
import type { EclairClient } from './client.ts';
import { closingTxOf, isCloseConfirmed, toChannelState } from './mapping-channels.ts';
import { type EclairChannel, perChannelSchema } from './schema-channels.ts';

const OPERATION = 'channels.close';
const POLL_MS = 1_000;
/** How long a channel may stay as it was after eclair was told to close it. */
const PATIENCE_MS = 30_000;

/** What closing a channel needs. */
export interface CloseRequest {
  readonly client: EclairClient;
  readonly channel: Outpoint;
  readonly force?: boolean;
  readonly feeRateSatPerVbyte?: number;
}

/**
 * Closes and follows. eclair answers at once, with a text and status 200 also for a channel that it does not know: how
 * it goes is seen at the channel, which at last moves to the list of closed ones.
 */
export async function* closeChannel(request: CloseRequest, options: CallOptions): AsyncGenerator<CloseStage> {
  const { client } = request;
  const signal = anySignal(options.signal, client.disposed);
  const before = pick(await openChannels(client, OPERATION, options), request.channel);
  if (before === undefined) throw new LightningError('NOT_FOUND', `there is no channel ${request.channel}`, { operation: OPERATION });
  const said = await ask(request, before, options);
  const deadline = client.clock.now() + PATIENCE_MS;
  let broadcast: TxId | undefined;
  for (;;) {
    const channel = pick(await openChannels(client, OPERATION, options), request.channel);
    const over =
      channel === undefined || channel.state === 'CLOSED' ? await closingTxOfClosed(client, request.channel, options) : undefined;
    const closing = over ?? (channel === undefined ? undefined : closingTxOf(channel));
    if (broadcast === undefined && closing !== undefined) {
      broadcast = closing;
      yield { stage: 'closing', txId: closing };
    }
    // Gone from both lists, a channel that had nothing at stake is not kept.
    const confirmed = over ?? (channel === undefined ? broadcast : isCloseConfirmed(channel) ? closing : undefined);
    if (confirmed !== undefined) {
      yield { stage: 'closed', txId: confirmed };
      return;
    }
    const unmoved = broadcast === undefined && (channel === undefined || toChannelState(channel) !== 'closing');
    if (unmoved && client.clock.now() >= deadline) {
      throw new LightningError('REJECTED', `the channel was not closed: ${plainText(said)}`, { operation: OPERATION });
    }
    await pause(client.clock, POLL_MS, signal, OPERATION);
  }
}

/** Tells eclair, unless the channel is closing already; answers what it said. */
async function ask(request: CloseRequest, channel: EclairChannel, options: CallOptions): Promise<string> {
  const force = request.force === true;
  const isAway = channel.state === 'OFFLINE' || channel.state === 'SYNCING';
  if (closingTxOf(channel) !== undefined) return 'it was closing already';
  if (!force && isAway) {
    throw new LightningError('CONFLICT', 'a cooperative close needs the peer, and it is not connected', { operation: OPERATION });
  }
  if (!force && toChannelState(channel) === 'closing') return 'it was closing already';
  const rate = request.feeRateSatPerVbyte === undefined ? undefined : Math.max(1, Math.round(request.feeRateSatPerVbyte));
  const form = {
    channelId: channel.channelId,
    ...(force ? { maxClosingFeerateSatByte: rate } : { preferredFeerateSatByte: rate }),
  };
  const call = { ...options, operation: OPERATION, schema: perChannelSchema };
  const said = await request.client.call(force ? '/forceclose' : '/close', form, call);
  return said[channel.channelId] ?? 'nothing';
}

async function closingTxOfClosed(client: EclairClient, wanted: Outpoint, options: CallOptions): Promise<TxId | undefined> {
  const closed = (await closedChannels(client, OPERATION, options)).find((channel) => outpointOf(channel) === wanted);
  if (closed === undefined) return undefined;
  return 'closingTxId' in closed ? txId(closed.closingTxId) : closingTxOf(closed);
}

function pick(channels: readonly EclairChannel[], wanted: Outpoint): EclairChannel | undefined {
  return channels.find((channel) => outpointOf(channel) === wanted);
}
