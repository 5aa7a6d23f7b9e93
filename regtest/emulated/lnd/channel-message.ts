import { balanceOf, inFlight, other, reserveOf, sideOf } from '../../../src/adapters/simulated/network/htlcs.ts';
import type { ChannelRecord, TransactionRecord } from '../../../src/adapters/simulated/network/records.ts';
import type { ChannelPolicy } from '../../../src/core/lightning/channel.ts';
import type { LndNode } from './node.ts';
import { bytesOf, channelNumber, type Message, satOf } from './values.ts';

/** The genesis block of regtest, as lnd names the chain. */
const REGTEST = '0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206';
const FUNDING_EXPIRY_BLOCKS = 2016;
const COMMIT_WEIGHT = '1116';
const FEE_PER_KW = '2500';
const MAX_HTLCS = 483;
const DUST_SAT = '354';

/** A channel that is open as `lnrpc.Channel`. The simulated network's commitments cost nothing. */
export function toChannelMessage(node: LndNode, channel: ChannelRecord): Message {
  const { mine, theirs, peer } = sides(node, channel);
  const reserve = satOf(reserveOf(channel));
  const constraints = {
    csv_delay: node.network.times.toSelfDelay,
    chan_reserve_sat: reserve,
    dust_limit_sat: DUST_SAT,
    max_pending_amt_msat: (channel.capacityMsat - reserveOf(channel)).toString(),
    min_htlc_msat: '1',
    max_accepted_htlcs: MAX_HTLCS,
  };
  return {
    active: node.network.channels.usable(channel),
    remote_pubkey: peer,
    channel_point: channel.outpoint,
    chan_id: channelNumber(channel.shortChannelId),
    capacity: satOf(channel.capacityMsat),
    local_balance: satOf(balanceOf(channel, mine)),
    remote_balance: satOf(balanceOf(channel, theirs)),
    commit_fee: '0',
    commit_weight: COMMIT_WEIGHT,
    fee_per_kw: FEE_PER_KW,
    unsettled_balance: satOf(inFlight(channel)),
    total_satoshis_sent: '0',
    total_satoshis_received: '0',
    num_updates: '0',
    pending_htlcs: pendingHtlcs(node, channel, mine),
    csv_delay: node.network.times.toSelfDelay,
    private: channel.private,
    initiator: mine === 'a',
    chan_status_flags: 'ChanStatusDefault',
    local_chan_reserve_sat: reserve,
    remote_chan_reserve_sat: reserve,
    static_remote_key: false,
    commitment_type: 'ANCHORS',
    lifetime: '0',
    uptime: '0',
    close_address: '',
    push_amount_sat: '0',
    thaw_height: 0,
    local_constraints: constraints,
    remote_constraints: constraints,
    alias_scids: [],
    zero_conf: false,
    zero_conf_confirmed_scid: '0',
    peer_alias: '',
    peer_scid_alias: '0',
    memo: '',
  };
}

function pendingHtlcs(node: LndNode, channel: ChannelRecord, mine: 'a' | 'b'): readonly Message[] {
  return Object.entries(channel.htlcs).map(([key, htlc], index) => ({
    incoming: htlc.from !== mine,
    amount: satOf(htlc.amountMsat),
    hash_lock: bytesOf(key.split('/')[1]),
    expiration_height: node.network.chain.record.height,
    htlc_index: String(index),
    locked_in: true,
  }));
}

/** What is common to channels that open or close, `lnrpc.PendingChannelsResponse.PendingChannel`. */
export function toPendingMessage(node: LndNode, channel: ChannelRecord, flags = ''): Message {
  const { mine, theirs, peer } = sides(node, channel);
  const reserve = satOf(reserveOf(channel));
  return {
    remote_node_pub: peer,
    channel_point: channel.outpoint,
    capacity: satOf(channel.capacityMsat),
    local_balance: satOf(balanceOf(channel, mine)),
    remote_balance: satOf(balanceOf(channel, theirs)),
    local_chan_reserve_sat: reserve,
    remote_chan_reserve_sat: reserve,
    initiator: mine === 'a' ? 'INITIATOR_LOCAL' : 'INITIATOR_REMOTE',
    commitment_type: 'ANCHORS',
    num_forwarding_packages: '0',
    chan_status_flags: flags,
    private: channel.private,
    memo: '',
  };
}

/** A channel whose funding waits for its blocks. */
export function toPendingOpen(node: LndNode, channel: ChannelRecord, funding: TransactionRecord | undefined): Message {
  const { height } = node.network.chain.record;
  const depth = funding?.height === undefined ? 0 : height - funding.height + 1;
  return {
    channel: toPendingMessage(node, channel),
    commit_fee: '0',
    commit_weight: COMMIT_WEIGHT,
    fee_per_kw: FEE_PER_KW,
    funding_expiry_blocks: FUNDING_EXPIRY_BLOCKS,
    confirmations_until_active: Math.max(0, node.network.times.confirmations - depth),
    confirmation_height: funding?.height ?? 0,
  };
}

/** A channel whose closing transaction is broadcast and not in a block. */
export function toWaitingClose(node: LndNode, channel: ChannelRecord, closing: TransactionRecord | undefined): Message {
  const { mine } = sides(node, channel);
  const forced = closing?.kind === 'force-close';
  const flags = forced ? 'ChanStatusCommitBroadcasted' : 'ChanStatusCoopBroadcasted';
  const by = node.closedHere.has(channel.outpoint) ? 'ChanStatusLocalCloseInitiator' : 'ChanStatusRemoteCloseInitiator';
  return {
    channel: toPendingMessage(node, channel, `${flags}|${by}`),
    limbo_balance: satOf(balanceOf(channel, mine)),
    commitments: { local_commit_fee_sat: '0', remote_commit_fee_sat: '0', remote_pending_commit_fee_sat: '0' },
    closing_txid: channel.closingTxId ?? '',
    closing_tx_hex: '',
  };
}

/** A channel whose forced close is in a block, while our own side of it waits. */
export function toForceClosing(node: LndNode, channel: ChannelRecord, closing: TransactionRecord): Message {
  const own = ownOutput(node, closing);
  const maturity = (closing.height ?? 0) + (own?.delayBlocks ?? 0);
  return {
    channel: toPendingMessage(node, channel),
    closing_txid: closing.txId,
    limbo_balance: satOf(own?.amountMsat ?? 0n),
    maturity_height: maturity,
    blocks_til_maturity: maturity - node.network.chain.record.height,
    recovered_balance: '0',
    pending_htlcs: [],
    anchor: 'LIMBO',
  };
}

/** A channel that is gone as `lnrpc.ChannelCloseSummary`. */
export function toClosedMessage(node: LndNode, channel: ChannelRecord, closing: TransactionRecord): Message {
  const { mine, peer } = sides(node, channel);
  const here = node.closedHere.has(channel.outpoint);
  const own = ownOutput(node, closing);
  const forced = closing.kind === 'force-close';
  return {
    channel_point: channel.outpoint,
    chan_id: channelNumber(channel.shortChannelId),
    chain_hash: REGTEST,
    closing_tx_hash: closing.txId,
    remote_pubkey: peer,
    capacity: satOf(channel.capacityMsat),
    close_height: closing.height ?? 0,
    settled_balance: satOf(own?.amountMsat ?? 0n),
    time_locked_balance: forced && here ? satOf(own?.amountMsat ?? 0n) : '0',
    close_type: forced ? (here ? 'LOCAL_FORCE_CLOSE' : 'REMOTE_FORCE_CLOSE') : 'COOPERATIVE_CLOSE',
    open_initiator: mine === 'a' ? 'INITIATOR_LOCAL' : 'INITIATOR_REMOTE',
    close_initiator: here ? 'INITIATOR_LOCAL' : 'INITIATOR_REMOTE',
    resolutions: [],
    alias_scids: [],
    zero_conf_confirmed_scid: '0',
  };
}

/** The output of a transaction that is the node's own. */
export function ownOutput(node: LndNode, { outputs }: TransactionRecord): TransactionRecord['outputs'][number] | undefined {
  return outputs.find(({ to }) => typeof to === 'object' && to.node === node.name);
}

/** A channel of the graph as `lnrpc.ChannelEdge`, the smaller key first. */
export function toEdgeMessage(node: LndNode, channel: ChannelRecord): Message {
  const ends = [
    { id: node.network.nodes.need(channel.a).nodeId, policy: channel.aPolicy },
    { id: node.network.nodes.need(channel.b).nodeId, policy: channel.bPolicy },
  ].sort((one, two) => (one.id < two.id ? -1 : 1));
  const disabled = !node.network.channels.usable(channel);
  const policy = (of: ChannelPolicy | undefined): Message | null => (of === undefined ? null : toPolicyMessage(of, channel, disabled));
  return {
    channel_id: channelNumber(channel.shortChannelId),
    chan_point: channel.outpoint,
    last_update: 0,
    node1_pub: ends[0]?.id ?? '',
    node2_pub: ends[1]?.id ?? '',
    capacity: satOf(channel.capacityMsat),
    node1_policy: policy(ends[0]?.policy),
    node2_policy: policy(ends[1]?.policy),
    custom_records: {},
    auth_proof: null,
  };
}

function toPolicyMessage({ baseFeeMsat, feeRatePpm, cltvDelta }: ChannelPolicy, channel: ChannelRecord, disabled: boolean): Message {
  return {
    time_lock_delta: cltvDelta,
    min_htlc: '1000',
    fee_base_msat: baseFeeMsat.toString(),
    fee_rate_milli_msat: String(feeRatePpm),
    disabled,
    max_htlc_msat: (channel.capacityMsat - reserveOf(channel)).toString(),
    last_update: 0,
    custom_records: {},
    inbound_fee_base_msat: 0,
    inbound_fee_rate_milli_msat: 0,
  };
}

function sides(node: LndNode, channel: ChannelRecord): { readonly mine: 'a' | 'b'; readonly theirs: 'a' | 'b'; readonly peer: string } {
  const mine = sideOf(channel, node.name);
  const theirs = other(mine);
  return { mine, theirs, peer: node.network.nodes.need(channel[theirs]).nodeId };
}
