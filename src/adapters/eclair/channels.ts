import { sumMsat } from '../../core/lightning/amount.ts';
import type {
  Channel,
  ChannelBalances,
  ChannelPolicy,
  ChannelState,
  Channels,
  CloseStage,
  Forward,
  OpenChannel,
  Rebalance,
} from '../../core/lightning/channel.ts';
import type { CallOptions, Page, PageRequest } from '../../core/lightning/common.ts';
import { LightningError } from '../../core/lightning/errors.ts';
import type { Outpoint, PaymentHash } from '../../core/lightning/identifiers.ts';
import type { PaymentOutcome } from '../../core/lightning/payment.ts';
import { checkFeeRate, invalid, pageLimit, pagePosition, unsupported } from '../shared/limits.ts';
import { plainText } from '../shared/redact.ts';
import { closedChannels, openChannels, outpointOf } from './channel-list.ts';
import type { EclairClient } from './client.ts';
import { closeChannel } from './close.ts';
import { FAR_FUTURE_SECONDS } from './invoice-list.ts';
import { channelIdOf, toChannel, toClosedChannel, toForward } from './mapping-channels.ts';
import { openChannel } from './open.ts';
import type { EclairPeers } from './peers.ts';
import { type EclairChannel, perChannelSchema } from './schema-channels.ts';
import { auditSchema } from './schema-payments.ts';

/** Channels of eclair. */
export class EclairChannels implements Channels {
  readonly #client: EclairClient;
  readonly #peers: EclairPeers;

  constructor(client: EclairClient, peers: EclairPeers) {
    this.#client = client;
    this.#peers = peers;
  }

  open(request: OpenChannel, options: CallOptions = {}): Promise<{ readonly outpoint: Outpoint }> {
    return openChannel(this.#client, this.#peers, request, options);
  }

  async list(filter: { readonly state?: ChannelState } = {}, options: CallOptions = {}): Promise<readonly Channel[]> {
    const operation = 'channels.list';
    const open = (await openChannels(this.#client, operation, options)).map(toChannel).filter((channel) => channel !== undefined);
    if (filter.state !== 'closed') {
      return open.filter((channel) => (filter.state === undefined ? channel.state !== 'closed' : channel.state === filter.state));
    }
    const over = (await closedChannels(this.#client, operation, options)).map(toClosedChannel).filter((channel) => channel !== undefined);
    const known = new Set(over.map((channel) => channel.outpoint));
    return [...over, ...open.filter((channel) => channel.state === 'closed' && !known.has(channel.outpoint))];
  }

  close(
    channel: Outpoint,
    request: { readonly force?: boolean; readonly feeRateSatPerVbyte?: number } = {},
    options: CallOptions = {},
  ): AsyncIterable<CloseStage> {
    checkFeeRate(request.feeRateSatPerVbyte, 'channels.close');
    return closeChannel({ client: this.#client, channel, ...request }, options);
  }

  async setPolicy(channel: Outpoint | 'all', policy: ChannelPolicy, options: CallOptions = {}): Promise<void> {
    const operation = 'channels.setPolicy';
    if (!Number.isSafeInteger(policy.feeRatePpm) || policy.feeRatePpm < 0)
      throw invalid(operation, 'a fee rate is a whole number of millionths');
    const channels = await openChannels(this.#client, operation, options);
    const meant = channel === 'all' ? channels.filter(isInUse) : [found(channels, channel, operation)];
    const other = meant.find((one) => one.data.channelUpdate !== undefined && one.data.channelUpdate.cltvExpiryDelta !== policy.cltvDelta);
    if (other !== undefined) {
      throw unsupported(
        operation,
        `eclair has one cltv delta for all channels, in its config (${other.data.channelUpdate?.cltvExpiryDelta})`,
      );
    }
    if (meant.length === 0) return;
    const form = {
      // By peer: all of a peer's channels get the same.
      nodeIds: [...new Set(meant.map((one) => one.nodeId))].join(','),
      feeBaseMsat: String(policy.baseFeeMsat),
      feeProportionalMillionths: policy.feeRatePpm,
    };
    const done = await this.#client.call('/updaterelayfee', form, { ...options, operation, schema: perChannelSchema });
    // It answers 200 with nothing for a peer without channels, and with a text for each channel that would not.
    for (const one of meant) {
      const said = done[one.channelId];
      if (said === undefined) throw new LightningError('NOT_FOUND', 'eclair did not change this channel', { operation });
      if (said !== 'ok') throw new LightningError('REJECTED', `eclair would not change it: ${plainText(said)}`, { operation });
    }
  }

  async policy(channel: Outpoint, options: CallOptions = {}): Promise<ChannelPolicy> {
    const operation = 'channels.policy';
    const update = found(await openChannels(this.#client, operation, options), channel, operation).data.channelUpdate;
    if (update === undefined) throw new LightningError('NOT_FOUND', 'the channel has no policy yet', { operation });
    return { baseFeeMsat: update.feeBaseMsat, feeRatePpm: update.feeProportionalMillionths, cltvDelta: update.cltvExpiryDelta };
  }

  async balances(options: CallOptions = {}): Promise<ChannelBalances> {
    const channels = await this.list({}, options);
    const open = channels.filter(({ state }) => state === 'active' || state === 'inactive');
    return {
      localMsat: sumMsat(open.map(({ localMsat }) => localMsat)),
      remoteMsat: sumMsat(open.map(({ remoteMsat }) => remoteMsat)),
      pendingLocalMsat: sumMsat(channels.filter(({ state }) => state === 'pending').map(({ localMsat }) => localMsat)),
    };
  }

  async forwards(request: PageRequest = {}, options: CallOptions = {}): Promise<Page<Forward>> {
    const operation = 'channels.forwards';
    const limit = pageLimit(request, operation);
    const skip = pagePosition(request.after, operation);
    const form = { from: 0, to: FAR_FUTURE_SECONDS, count: limit, skip };
    const { relayed } = await this.#client.call('/audit', form, { ...options, operation, schema: auditSchema, readOnly: true });
    const shortIds = new Map(
      (relayed.length === 0 ? [] : await openChannels(this.#client, operation, options)).flatMap((channel) => {
        const id = channelIdOf(channel.data.commitments?.active[0]?.localFunding.shortChannelId);
        return id === undefined ? [] : [[channel.channelId, id] as const];
      }),
    );
    return {
      items: relayed.map((one) => toForward(one, shortIds)),
      next: relayed.length === limit ? String(skip + limit) : undefined,
    };
  }

  async rebalance(_request: Rebalance, _options?: CallOptions): Promise<PaymentOutcome & { readonly paymentHash: PaymentHash }> {
    throw unsupported('channels.rebalance', 'circular payments are not done over eclair');
  }
}

/** Whether a channel still has a policy to set: a closing one refuses it. */
function isInUse(channel: EclairChannel): boolean {
  const state = toChannel(channel)?.state;
  return state === 'active' || state === 'inactive';
}

function found(channels: readonly EclairChannel[], wanted: Outpoint, operation: string): EclairChannel {
  const channel = channels.find((one) => outpointOf(one) === wanted);
  if (channel === undefined) throw new LightningError('NOT_FOUND', `there is no channel ${wanted}`, { operation });
  return channel;
}
