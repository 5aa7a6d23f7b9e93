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
import { type Outpoint, outpoint, type PaymentHash } from '../../core/lightning/identifiers.ts';
import type { PaymentOutcome } from '../../core/lightning/payment.ts';
import { checkFeeRate, invalid, pageLimit, pagePosition, unsupported, wholeSat } from '../shared/limits.ts';
import type { ClnClient } from './client.ts';
import { closeChannel } from './close.ts';
import { toChannel, toChannelState, toClosedChannel, toForward } from './mapping-channels.ts';
import {
  type ClnPeerChannel,
  fundChannelSchema,
  listClosedChannelsSchema,
  listForwardsSchema,
  listPeerChannelsSchema,
  setChannelSchema,
} from './schema-channels.ts';
import { toWireFeeRate, toWireMsat } from './wire-values.ts';

const OPEN_TIMEOUT_MS = 180_000;

/** Channels of lightningd. */
export class ClnChannels implements Channels {
  readonly #client: ClnClient;

  constructor(client: ClnClient) {
    this.#client = client;
  }

  async open(request: OpenChannel, options: CallOptions = {}): Promise<{ readonly outpoint: Outpoint }> {
    const operation = 'channels.open';
    const amount = wholeSat(request.localFundingMsat, "a channel's funding", operation);
    checkFeeRate(request.feeRateSatPerVbyte, operation);
    if (request.pushMsat !== undefined && request.pushMsat > request.localFundingMsat)
      throw invalid(operation, 'more is pushed than funded');
    const params = {
      id: request.peer,
      amount,
      announce: request.private !== true,
      ...(request.pushMsat === undefined || request.pushMsat === 0n ? {} : { push_msat: toWireMsat(request.pushMsat) }),
      ...(request.feeRateSatPerVbyte === undefined ? {} : { feerate: toWireFeeRate(request.feeRateSatPerVbyte) }),
    };
    // It connects by itself where it knows an address; that it could not means that the peer is not connected.
    const meaning = { 400: 'NOT_FOUND', 401: 'NOT_FOUND', 402: 'NOT_FOUND' } as const;
    const call = { ...options, operation, schema: fundChannelSchema, timeoutMs: OPEN_TIMEOUT_MS, meaning };
    const funded = await this.#client.call('fundchannel', params, call);
    return { outpoint: outpoint(`${funded.txid}:${funded.outnum}`) };
  }

  async list(filter: { readonly state?: ChannelState } = {}, options: CallOptions = {}): Promise<readonly Channel[]> {
    const open = (await this.#peerChannels('channels.list', options)).map(toChannel).filter((channel) => channel !== undefined);
    if (filter.state !== 'closed') {
      return open.filter((channel) => (filter.state === undefined ? channel.state !== 'closed' : channel.state === filter.state));
    }
    const call = { ...options, operation: 'channels.list', schema: listClosedChannelsSchema, readOnly: true } as const;
    const { closedchannels } = await this.#client.call('listclosedchannels', {}, call);
    const forgotten = closedchannels.map(toClosedChannel).filter((channel) => channel !== undefined);
    return [...forgotten, ...open.filter((channel) => channel.state === 'closed')];
  }

  close(
    channel: Outpoint,
    request: { readonly force?: boolean; readonly feeRateSatPerVbyte?: number } = {},
    options: CallOptions = {},
  ): AsyncIterable<CloseStage> {
    checkFeeRate(request.feeRateSatPerVbyte, 'channels.close');
    const list = () => this.#peerChannels('channels.close', options);
    return closeChannel({ client: this.#client, channel, list, ...request }, options);
  }

  async setPolicy(channel: Outpoint | 'all', policy: ChannelPolicy, options: CallOptions = {}): Promise<void> {
    const operation = 'channels.setPolicy';
    if (!Number.isSafeInteger(policy.feeRatePpm) || policy.feeRatePpm < 0)
      throw invalid(operation, 'a fee rate is a whole number of millionths');
    const channels = await this.#peerChannels(operation, options);
    const meant = channel === 'all' ? channels.filter(isInUse) : [found(channels, channel, operation)];
    const other = meant.find((one) => one.updates?.local !== undefined && one.updates.local.cltv_expiry_delta !== policy.cltvDelta);
    if (other !== undefined) {
      throw unsupported(
        operation,
        `Core Lightning has one cltv delta for all channels, in its config (${other.updates?.local?.cltv_expiry_delta})`,
      );
    }
    const params = {
      id: channel === 'all' ? 'all' : meant[0]?.channel_id,
      feebase: toWireMsat(policy.baseFeeMsat),
      feeppm: policy.feeRatePpm,
    };
    await this.#client.call('setchannel', params, { ...options, operation, schema: setChannelSchema });
  }

  async policy(channel: Outpoint, options: CallOptions = {}): Promise<ChannelPolicy> {
    const operation = 'channels.policy';
    const local = found(await this.#peerChannels(operation, options), channel, operation).updates?.local;
    if (local === undefined) throw new LightningError('NOT_FOUND', 'the channel has no policy yet', { operation });
    return { baseFeeMsat: local.fee_base_msat, feeRatePpm: local.fee_proportional_millionths, cltvDelta: local.cltv_expiry_delta };
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
    let start = pagePosition(request.after, operation) + 1;
    const items: Forward[] = [];
    for (;;) {
      const params = { index: 'created', start, limit };
      const { forwards } = await this.#client.call('listforwards', params, {
        ...options,
        operation,
        schema: listForwardsSchema,
        readOnly: true,
      });
      for (const one of forwards) {
        start = (one.created_index ?? start) + 1;
        const forward = toForward(one);
        if (forward !== undefined) items.push(forward);
        if (items.length === limit) return { items, next: String(start - 1) };
      }
      if (forwards.length < limit) return { items, next: undefined };
    }
  }

  async rebalance(_request: Rebalance, _options?: CallOptions): Promise<PaymentOutcome & { readonly paymentHash: PaymentHash }> {
    throw unsupported('channels.rebalance', 'circular payments are not done over Core Lightning');
  }

  async #peerChannels(operation: string, options: CallOptions): Promise<readonly ClnPeerChannel[]> {
    const call = { ...options, operation, schema: listPeerChannelsSchema, readOnly: true } as const;
    return (await this.#client.call('listpeerchannels', {}, call)).channels;
  }
}

/** Whether a channel still has a policy to set. */
function isInUse(channel: ClnPeerChannel): boolean {
  const state = toChannelState(channel);
  return state === 'active' || state === 'inactive' || state === 'pending';
}

function found(channels: readonly ClnPeerChannel[], wanted: Outpoint, operation: string): ClnPeerChannel {
  const channel = channels.find((one) => `${one.funding_txid}:${one.funding_outnum}` === wanted);
  if (channel === undefined) throw new LightningError('NOT_FOUND', `there is no channel ${wanted}`, { operation });
  return channel;
}
