import { type Msat, msat } from '../../../src/core/lightning/amount.ts';
import type { NodeId } from '../../../src/core/lightning/identifiers.ts';
import { allChannels, channelsOf, directionFrom, type OwnChannel } from '../shared/channels-of.ts';
import type { ChannelHistory } from './channel-history.ts';
import { feeRateText, named } from './channel-lookup.ts';
import { channelView, closedChannelView, fundingText, isOver } from './channel-view.ts';
import { closeCommand } from './close-command.ts';
import { type Commands, command } from './command.ts';
import { type ClnContext, seconds, translated } from './context.ts';
import type { Params } from './params.ts';
import { badParameter, CODE, Refusal } from './refusal.ts';

const DUST_SAT = 546n;
const TYPE = { bits: [12, 22], names: ['static_remotekey/even', 'anchors/even'] };

/** Channels: opening, listing, pricing, closing, and what was forwarded over them. */
export function channelCommands(context: ClnContext, history: ChannelHistory): Commands {
  return {
    fundchannel: command(
      'id amount [feerate] [announce] [utxos] [push_msat] [close_to] [request_amt] [compact_lease] [minconf] [mindepth] [reserve] [channel_type]',
      (params) => fundChannel(context, history, params),
    ),
    listpeerchannels: command('[id] [short_channel_id]', (params) => {
      const wanted = params.has('id') ? params.nodeId('id') : undefined;
      const here = channelsOf(context.network, context.name).filter((channel) => !isOver(context, channel));
      const chosen = here.filter(({ peer, record }) =>
        params.has('short_channel_id')
          ? record.shortChannelId === params.text('short_channel_id')
          : wanted === undefined || peer.nodeId === wanted,
      );
      return { channels: chosen.map((channel) => channelView(context, history, channel)) };
    }),
    listclosedchannels: command('[id]', (params) => {
      const wanted = params.has('id') ? params.nodeId('id') : undefined;
      const over = channelsOf(context.network, context.name).filter((channel) => isOver(context, channel));
      const chosen = over.filter(({ peer }) => wanted === undefined || peer.nodeId === wanted);
      return { closedchannels: chosen.map((channel) => closedChannelView(context, history, channel)) };
    }),
    setchannel: command('id [feebase] [feeppm] [htlcmin] [htlcmax] [enforcedelay] [ignorefeelimits]', (params) =>
      setChannel(context, params),
    ),
    close: closeCommand(context, history),
    listchannels: command('[short_channel_id] [source] [destination]', (params) => listChannels(context, params)),
    listforwards: command('[status] [in_channel] [out_channel] [index] [start] [limit]', (params) => listForwards(context, params)),
  };
}

async function fundChannel(context: ClnContext, history: ChannelHistory, params: Params): Promise<unknown> {
  const id = params.nodeId('id') as NodeId;
  const amount = params.sat('amount', 'should be a satoshi amount') as Msat;
  const pushMsat = params.msat('push_msat') ?? msat(0);
  const peer = context.network.nodes.byId(id);
  if (peer === undefined || !context.network.peers.connected(context.name, peer.name)) {
    throw new Refusal(400, 'Unable to connect, no address known for peer', { id, method: 'connect' });
  }
  if (amount < DUST_SAT * 1000n) throw badParameter('destinations', 'output would be dust', { id, amount: Number(amount / 1000n) });
  if (pushMsat > amount) throw new Refusal(CODE.invalidParams, 'Requires amount bigger than push_msat');
  const rate = feeRateText(params.optionalText('feerate'));
  const request = {
    peer: id,
    localFundingMsat: amount,
    private: params.flag('announce') === false,
    ...(pushMsat > 0n && { pushMsat }),
    ...(rate !== undefined && { feeRateSatPerVbyte: rate }),
  };
  const { outpoint } = await translated(context.node.call('openChannel', request), {
    INSUFFICIENT_FUNDS: (message) => new Refusal(301, `Could not afford ${amount / 1000n}sat: ${message}`),
    INVALID_ARGUMENT: (message) => new Refusal(CODE.generic, `They sent ERROR channel: ${message}`),
    REJECTED: (message) => new Refusal(CODE.generic, message),
  });
  history.pushed(outpoint, pushMsat);
  const channel = channelsOf(context.network, context.name).find(({ record }) => record.outpoint === outpoint) as OwnChannel;
  return {
    tx: fundingText(channel).raw,
    txid: channel.fundingTxId,
    channel_id: channel.channelId,
    channel_type: TYPE,
    outnum: channel.fundingOutput,
  };
}

async function setChannel(context: ClnContext, params: Params): Promise<unknown> {
  const open = channelsOf(context.network, context.name).filter(({ record }) => record.state === 'open' || record.state === 'pending');
  const channels = params.text('id') === 'all' ? open : named(open, params, 'id');
  for (const channel of channels) {
    const policy = {
      ...channel.policy,
      baseFeeMsat: params.msat('feebase') ?? channel.policy.baseFeeMsat,
      feeRatePpm: params.number('feeppm') ?? channel.policy.feeRatePpm,
    };
    await translated(context.node.call('setPolicy', { channel: channel.record.outpoint, policy }), {
      INVALID_ARGUMENT: (message) => new Refusal(CODE.invalidParams, message),
    });
  }
  const changed = new Set(channels.map(({ record }) => record.outpoint));
  return {
    channels: channelsOf(context.network, context.name)
      .filter(({ record }) => changed.has(record.outpoint))
      .map((channel) => ({
        peer_id: channel.peer.nodeId,
        channel_id: channel.channelId,
        short_channel_id: channel.record.shortChannelId,
        fee_base_msat: channel.policy.baseFeeMsat,
        fee_proportional_millionths: channel.policy.feeRatePpm,
        minimum_htlc_out_msat: 1,
        maximum_htlc_out_msat: channel.record.capacityMsat - channel.record.capacityMsat / 100n,
        ignore_fee_limits: true,
      })),
  };
}

function listChannels(context: ClnContext, params: Params): unknown {
  const { network } = context;
  const directions = allChannels(network)
    .filter((channel) => !channel.private && channel.state === 'open' && channel.shortChannelId !== undefined)
    .flatMap((channel) => {
      const [a, b] = [network.nodes.need(channel.a).nodeId, network.nodes.need(channel.b).nodeId];
      return (
        [
          [a, b, channel.aPolicy],
          [b, a, channel.bPolicy],
        ] as const
      ).map(([source, destination, policy]) => ({
        source,
        destination,
        short_channel_id: channel.shortChannelId,
        direction: directionFrom(source, destination),
        public: true,
        amount_msat: channel.capacityMsat,
        message_flags: 1,
        channel_flags: directionFrom(source, destination),
        active: network.channels.usable(channel),
        last_update: seconds(context.now()),
        base_fee_millisatoshi: policy.baseFeeMsat,
        fee_per_millionth: policy.feeRatePpm,
        delay: policy.cltvDelta,
        htlc_minimum_msat: 1,
        htlc_maximum_msat: channel.capacityMsat - channel.capacityMsat / 100n,
        features: '',
      }));
    });
  const fits = (field: 'short_channel_id' | 'source' | 'destination') => (channel: (typeof directions)[number]) =>
    !params.has(field) || channel[field] === params.text(field);
  return { channels: directions.filter(fits('short_channel_id')).filter(fits('source')).filter(fits('destination')) };
}

function listForwards(context: ClnContext, params: Params): unknown {
  const start = params.number('start') ?? 1;
  const forwards = context.network.forwards(context.name, Math.max(0, start - 1), params.number('limit') ?? Number.MAX_SAFE_INTEGER);
  return {
    forwards: forwards.map((forward) => ({
      created_index: forward.number,
      updated_index: forward.number,
      in_channel: forward.incoming,
      in_htlc_id: forward.number - 1,
      in_msat: forward.inMsat,
      status: 'settled',
      received_time: forward.at / 1000,
      out_channel: forward.outgoing,
      out_htlc_id: forward.number - 1,
      out_msat: forward.outMsat,
      fee_msat: forward.inMsat - forward.outMsat,
      resolved_time: forward.at / 1000,
      style: 'tlv',
    })),
  };
}
