import { toForward } from '../../../src/adapters/simulated/gateway/views.ts';
import { balanceOf, inFlight, other, sideOf } from '../../../src/adapters/simulated/network/htlcs.ts';
import type { ChannelRecord, TransactionRecord } from '../../../src/adapters/simulated/network/records.ts';
import { msat } from '../../../src/core/lightning/amount.ts';
import type { Outpoint, TxId } from '../../../src/core/lightning/identifiers.ts';
import {
  ownOutput,
  toChannelMessage,
  toClosedMessage,
  toEdgeMessage,
  toForceClosing,
  toPendingOpen,
  toWaitingClose,
} from './channel-message.ts';
import { type ChannelPoint, toOutpoint } from './channel-point.ts';
import { GrpcFailure, notFound } from './grpc-failure.ts';
import type { LndNode, UnaryCalls } from './node.ts';
import { amountOf, channelNumber, type Message, nanosecondsOf, satOf, secondsOf, shortIdOf } from './values.ts';

const MIN_TIME_LOCK = 18;
const MAX_TIME_LOCK = 65_535;
const PPM = 1_000_000;
const DEFAULT_PAGE = 100;
const BATCH = 1000;

/** Looking at channels, pricing them, and what they have forwarded. */
export const channelCalls: UnaryCalls = {
  'lnrpc.Lightning/ListChannels': listChannels,
  'lnrpc.Lightning/PendingChannels': pendingChannels,
  'lnrpc.Lightning/ClosedChannels': (node) => ({
    channels: sorted(node).flatMap((channel) => {
      const closing = closingOf(node, channel);
      return channel.state === 'closed' && closing !== undefined && !isMaturing(node, closing)
        ? [toClosedMessage(node, channel, closing)]
        : [];
    }),
  }),
  'lnrpc.Lightning/ChannelBalance': channelBalance,
  'lnrpc.Lightning/GetChanInfo': getChanInfo,
  'lnrpc.Lightning/UpdateChannelPolicy': updatePolicy,
  'lnrpc.Lightning/FeeReport': feeReport,
  'lnrpc.Lightning/ForwardingHistory': forwardingHistory,
};

type ListRequest = {
  readonly active_only: boolean;
  readonly inactive_only: boolean;
  readonly public_only: boolean;
  readonly private_only: boolean;
  readonly peer: Buffer;
};

async function listChannels(node: LndNode, request: ListRequest): Promise<Message> {
  // Through the node's own calls, so that one that refuses refuses this, too.
  await node.calls.call('listChannels', {});
  const peer = request.peer.toString('hex');
  const channels = open(node).map((channel) => ({ channel, message: toChannelMessage(node, channel) }));
  const fits = channels.filter(
    ({ channel, message }) =>
      !(request.active_only && message['active'] !== true) &&
      !(request.inactive_only && message['active'] === true) &&
      !(request.public_only && channel.private) &&
      !(request.private_only && !channel.private) &&
      (peer === '' || message['remote_pubkey'] === peer),
  );
  return { channels: fits.map(({ message }) => message) };
}

function pendingChannels(node: LndNode): Message {
  const channels = node.network.channels.of(node.name);
  const waiting = channels
    .filter(({ state }) => state === 'closing')
    .map((channel) => toWaitingClose(node, channel, closingOf(node, channel)));
  const forced = channels.flatMap((channel) => {
    const closing = closingOf(node, channel);
    return channel.state === 'closed' && closing !== undefined && isMaturing(node, closing) ? [toForceClosing(node, channel, closing)] : [];
  });
  const limbo = [...waiting, ...forced].reduce((sum, { limbo_balance: sat }) => sum + BigInt(String(sat)), 0n);
  return {
    total_limbo_balance: limbo.toString(),
    pending_open_channels: channels
      .filter(({ state }) => state === 'pending')
      .map((channel) => toPendingOpen(node, channel, node.network.transaction(channel.outpoint.slice(0, 64) as TxId))),
    pending_closing_channels: [],
    pending_force_closing_channels: forced,
    waiting_close_channels: waiting,
  };
}

function channelBalance(node: LndNode): Message {
  const sum = (channels: readonly ChannelRecord[], of: (channel: ChannelRecord) => bigint): bigint =>
    channels.reduce((total, channel) => total + of(channel), 0n);
  const mine = (channel: ChannelRecord): bigint => balanceOf(channel, sideOf(channel, node.name));
  const theirs = (channel: ChannelRecord): bigint => balanceOf(channel, other(sideOf(channel, node.name)));
  const pending = node.network.channels.of(node.name).filter(({ state }) => state === 'pending');
  const local = sum(open(node), mine);
  return {
    balance: satOf(local),
    pending_open_balance: satOf(sum(pending, mine)),
    local_balance: amountOf(local),
    remote_balance: amountOf(sum(open(node), theirs)),
    unsettled_local_balance: amountOf(sum(open(node), (channel) => inFlight(channel, sideOf(channel, node.name)))),
    unsettled_remote_balance: amountOf(sum(open(node), (channel) => inFlight(channel, other(sideOf(channel, node.name))))),
    pending_open_local_balance: amountOf(sum(pending, mine)),
    pending_open_remote_balance: amountOf(sum(pending, theirs)),
  };
}

function getChanInfo(node: LndNode, request: { readonly chan_id: string; readonly chan_point: string }): Message {
  if (request.chan_id !== '0') {
    const channel = node.network.channels.byShortId(shortIdOf(request.chan_id));
    if (channel === undefined || !isKnown(node, channel)) throw notFound(`edge not found: chanID=${request.chan_id}`);
    return toEdgeMessage(node, channel);
  }
  if (request.chan_point === '') throw new GrpcFailure('specify either chan_id or chan_point');
  const all = node.network.nodes.list().flatMap(({ name }) => node.network.channels.of(name));
  const channel = all.find((each) => each.outpoint === request.chan_point);
  if (channel === undefined || !isKnown(node, channel)) throw notFound(`edge not found: op=${request.chan_point}`);
  return toEdgeMessage(node, channel);
}

/** The graph has channels that are open, private ones only where they are our own. */
function isKnown(node: LndNode, channel: ChannelRecord): boolean {
  return channel.state === 'open' && (!channel.private || channel.a === node.name || channel.b === node.name);
}

type PolicyRequest = {
  readonly global?: boolean;
  readonly chan_point?: ChannelPoint | null;
  readonly base_fee_msat: string;
  readonly fee_rate: number;
  readonly fee_rate_ppm: number;
  readonly time_lock_delta: number;
};

async function updatePolicy(node: LndNode, request: PolicyRequest): Promise<Message> {
  const { chan_point: point, time_lock_delta: cltvDelta } = request;
  if (request.fee_rate !== 0 && request.fee_rate_ppm !== 0)
    throw new GrpcFailure('cannot set both FeeRate and FeeRatePpm at the same time', 3);
  if (cltvDelta < MIN_TIME_LOCK)
    throw new GrpcFailure(`time lock delta of ${cltvDelta} is too small, minimum supported is ${MIN_TIME_LOCK}`);
  if (cltvDelta > MAX_TIME_LOCK) throw new GrpcFailure(`time lock delta of ${cltvDelta} is too big, maximum supported is ${MAX_TIME_LOCK}`);
  const feeRatePpm = request.fee_rate_ppm !== 0 ? request.fee_rate_ppm : Math.round(request.fee_rate * PPM);
  const policy = { baseFeeMsat: msat(BigInt(request.base_fee_msat)), feeRatePpm, cltvDelta };
  if (point === undefined || point === null) {
    if (request.global !== true) throw new GrpcFailure('unknown scope: <nil>');
    for (const { outpoint: channel } of open(node)) await node.calls.call('setPolicy', { channel, policy });
    return { failed_updates: [] };
  }
  const id = toOutpoint(point);
  const channel = node.network.channels.of(node.name).find((each) => each.outpoint === id);
  if (channel === undefined || channel.state === 'closed') return refusedUpdate(id, 'UPDATE_FAILURE_NOT_FOUND', 'not found');
  if (channel.state === 'pending') return refusedUpdate(id, 'UPDATE_FAILURE_PENDING', 'not yet confirmed');
  await node.calls.call('setPolicy', { channel: id, policy });
  return { failed_updates: [] };
}

function refusedUpdate(id: Outpoint, reason: string, text: string): Message {
  const [txid = '', index = '0'] = id.split(':');
  const bytes = Buffer.from(txid, 'hex').reverse();
  return { failed_updates: [{ outpoint: { txid_str: txid, txid_bytes: bytes, output_index: Number(index) }, reason, update_error: text }] };
}

function feeReport(node: LndNode): Message {
  return {
    channel_fees: open(node).map((channel) => {
      const policy = node.network.policy(node.name, channel.outpoint);
      return {
        chan_id: channelNumber(channel.shortChannelId),
        channel_point: channel.outpoint,
        base_fee_msat: policy.baseFeeMsat.toString(),
        fee_per_mil: String(policy.feeRatePpm),
        fee_rate: policy.feeRatePpm / PPM,
      };
    }),
    day_fee_sum: '0',
    week_fee_sum: '0',
    month_fee_sum: '0',
  };
}

type HistoryRequest = {
  readonly start_time: string;
  readonly end_time: string;
  readonly index_offset: number;
  readonly num_max_events: number;
};

/** The offset counts what fits the times; the end left out is now. */
function forwardingHistory(node: LndNode, request: HistoryRequest): Message {
  const from = Number(request.start_time) * 1000;
  const to = Number(request.end_time) === 0 ? node.network.now() : Number(request.end_time) * 1000;
  const all = allForwards(node).filter(({ at }) => at >= from && at <= to);
  const events = all.slice(request.index_offset, request.index_offset + (request.num_max_events || DEFAULT_PAGE));
  return {
    forwarding_events: events.map((record, index) => {
      const { at, incoming, outgoing, inMsat, outMsat, feeMsat } = toForward(record);
      return {
        timestamp: secondsOf(at),
        timestamp_ns: nanosecondsOf(at),
        chan_id_in: channelNumber(incoming),
        chan_id_out: channelNumber(outgoing),
        amt_in: satOf(inMsat),
        amt_in_msat: inMsat.toString(),
        amt_out: satOf(outMsat),
        amt_out_msat: outMsat.toString(),
        fee: satOf(feeMsat),
        fee_msat: feeMsat.toString(),
        peer_alias_in: '',
        peer_alias_out: '',
        incoming_htlc_id: String(request.index_offset + index),
        outgoing_htlc_id: String(request.index_offset + index),
      };
    }),
    last_offset_index: request.index_offset + events.length,
  };
}

function allForwards(node: LndNode): ReturnType<LndNode['network']['forwards']> {
  const all = [...node.network.forwards(node.name, 0, BATCH)];
  while (all.length > 0 && all.length % BATCH === 0) {
    const more = node.network.forwards(node.name, all.length, BATCH);
    if (more.length === 0) break;
    all.push(...more);
  }
  return all;
}

function open(node: LndNode): readonly ChannelRecord[] {
  return node.network.channels.of(node.name).filter(({ state }) => state === 'open');
}

/** In the order of closing. */
function sorted(node: LndNode): readonly ChannelRecord[] {
  const height = (channel: ChannelRecord): number => closingOf(node, channel)?.height ?? 0;
  return [...node.network.channels.of(node.name)].sort((one, two) => height(one) - height(two));
}

function closingOf(node: LndNode, { closingTxId }: ChannelRecord): TransactionRecord | undefined {
  return closingTxId === undefined ? undefined : node.network.transaction(closingTxId);
}

/** A forced close is over when our own output of it can be spent. */
function isMaturing(node: LndNode, closing: TransactionRecord): boolean {
  return closing.kind === 'force-close' && ownOutput(node, closing)?.paid === false;
}
