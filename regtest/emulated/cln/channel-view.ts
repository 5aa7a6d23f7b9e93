import { inFlight } from '../../../src/adapters/simulated/network/htlcs.ts';
import type { ChannelPolicy } from '../../../src/core/lightning/channel.ts';
import { directionFrom, type OwnChannel } from '../shared/channels-of.ts';
import { psbtOf, rawTransaction } from '../shared/transaction-text.ts';
import { type ChannelHistory, stateOf } from './channel-history.ts';
import type { ClnContext } from './context.ts';

/** lightningd forgets a closed channel after so many blocks. */
const FORGET_BLOCKS = 100;
const UNLIMITED = 2n ** 64n - 1n;
const TYPE = { bits: [12, 22], names: ['static_remotekey/even', 'anchors/even'] };
const DUST_MSAT = 546_000;
const TAPROOT_SCRIPT = '5120';
const FUNDING_SCRIPT = '0020';

/** Whether a channel has gone from `listpeerchannels` to `listclosedchannels`. */
export function isOver(context: ClnContext, channel: OwnChannel): boolean {
  return channel.record.state === 'closed' && blocksSinceClose(context, channel) >= FORGET_BLOCKS;
}

/** The channel's funding transaction as text, as far as lightningd shows it. */
export function fundingText({ record, fundingTxId }: OwnChannel): { readonly raw: string; readonly psbt: string } {
  const outputs = [{ amountMsat: record.capacityMsat, script: FUNDING_SCRIPT + fundingTxId }];
  const raw = rawTransaction([{ txId: reversed(fundingTxId), index: 0 }], outputs);
  return { raw, psbt: psbtOf(raw, 1, 1) };
}

/** A channel as `listpeerchannels` has it. */
export function channelView(context: ClnContext, history: ChannelHistory, channel: OwnChannel): Readonly<Record<string, unknown>> {
  const { record, mine, peer, fundingTxId, fundingOutput } = channel;
  const state = stateOf(context, channel);
  const isOpener = mine === 'a';
  const isClosing = record.state === 'closing' || record.state === 'closed';
  const toUs = channel.localMsat + inFlight(record, mine);
  const most = record.capacityMsat - record.capacityMsat / 100n;
  const owner = state === 'ONCHAIN' ? 'onchaind' : isClosing ? undefined : 'channeld';
  return {
    peer_id: peer.nodeId,
    peer_connected: channel.connected,
    reestablished: channel.connected,
    channel_type: TYPE,
    ignore_fee_limits: true,
    updates: {
      local: update(channel.policy, most),
      ...(record.state !== 'pending' && { remote: update(channel.remotePolicy, most) }),
    },
    state,
    scratch_txid: record.closingTxId ?? reversed(fundingTxId),
    last_tx_fee_msat: isClosing ? 3_427_000 : 1_405_000,
    lost_state: false,
    feerate: { perkw: 1250, perkb: 5000 },
    owner,
    short_channel_id: record.shortChannelId,
    direction: directionFrom(context.self.nodeId, peer.nodeId),
    channel_id: channel.channelId,
    funding_txid: fundingTxId,
    funding_outnum: fundingOutput,
    close_to_addr: `bcrt1p${fundingTxId.replaceAll(/[1bio]/g, 'q').slice(0, 58)}`,
    close_to: TAPROOT_SCRIPT + fundingTxId,
    private: record.private,
    opener: isOpener ? 'local' : 'remote',
    ...(isClosing && { closer: history.closerOf(record.outpoint) }),
    alias: { local: `${Number.parseInt(fundingTxId.slice(0, 6), 16)}x${Number.parseInt(fundingTxId.slice(6, 12), 16)}x1` },
    features: ['option_static_remotekey', 'option_anchors'],
    funding: {
      local_funds_msat: isOpener ? record.capacityMsat : 0,
      remote_funds_msat: isOpener ? 0 : record.capacityMsat,
      pushed_msat: history.pushedOf(record.outpoint),
      ...(isOpener && { psbt: fundingText(channel).psbt }),
      withheld: false,
    },
    to_us_msat: toUs,
    min_to_us_msat: toUs,
    max_to_us_msat: toUs,
    total_msat: record.capacityMsat,
    fee_base_msat: channel.policy.baseFeeMsat,
    fee_proportional_millionths: channel.policy.feeRatePpm,
    dust_limit_msat: DUST_MSAT,
    their_max_htlc_value_in_flight_msat: most,
    our_max_htlc_value_in_flight_msat: UNLIMITED,
    their_reserve_msat: record.capacityMsat / 100n,
    our_reserve_msat: record.capacityMsat / 100n,
    spendable_msat: channel.spendableMsat,
    receivable_msat: channel.receivableMsat,
    minimum_htlc_in_msat: 0,
    minimum_htlc_out_msat: 1,
    maximum_htlc_out_msat: most,
    their_to_self_delay: 6,
    our_to_self_delay: context.network.times.toSelfDelay,
    max_accepted_htlcs: 483,
    state_changes: history.changesOf(record.outpoint),
    status: statusLines(context, channel, state),
    ...trafficOf(context, channel),
    htlcs: Object.entries(record.htlcs).map(([key, htlc], id) => ({
      direction: htlc.from === mine ? 'out' : 'in',
      id,
      amount_msat: htlc.amountMsat,
      expiry: context.network.chain.record.height + channel.policy.cltvDelta,
      payment_hash: key.split('/')[1],
      state: htlc.from === mine ? 'SENT_ADD_ACK_REVOCATION' : 'RCVD_ADD_ACK_REVOCATION',
    })),
  };
}

/** A channel as `listclosedchannels` has it. */
export function closedChannelView(context: ClnContext, history: ChannelHistory, channel: OwnChannel): Readonly<Record<string, unknown>> {
  const { record, mine } = channel;
  const isOpener = mine === 'a';
  return {
    peer_id: channel.peer.nodeId,
    channel_id: channel.channelId,
    short_channel_id: record.shortChannelId,
    alias: { local: `${Number.parseInt(channel.fundingTxId.slice(0, 6), 16)}x1x1` },
    opener: isOpener ? 'local' : 'remote',
    closer: history.closerOf(record.outpoint),
    private: record.private,
    total_local_commitments: 1,
    total_remote_commitments: 1,
    total_htlcs_sent: 0,
    funding_txid: channel.fundingTxId,
    funding_outnum: channel.fundingOutput,
    leased: false,
    funding_pushed_msat: history.pushedOf(record.outpoint),
    total_msat: record.capacityMsat,
    final_to_us_msat: channel.localMsat,
    min_to_us_msat: channel.localMsat,
    max_to_us_msat: channel.localMsat,
    last_commitment_txid: record.closingTxId,
    last_commitment_fee_msat: 3_427_000,
    close_cause: history.closerOf(record.outpoint) === 'local' ? 'user' : 'remote',
    last_stable_connection: Math.floor(context.now() / 1000),
  };
}

/** Payments over the channel, out of the records of who paid. */
function trafficOf({ network }: ClnContext, { record, mine }: OwnChannel): Readonly<Record<string, number | bigint>> {
  const self = record[mine];
  const sums = {
    in: { offered: 0, offeredMsat: 0n, fulfilled: 0, fulfilledMsat: 0n },
    out: { offered: 0, offeredMsat: 0n, fulfilled: 0, fulfilledMsat: 0n },
  };
  for (const { name } of network.nodes.list()) {
    for (const part of network.payments.list(name, 0, Number.MAX_SAFE_INTEGER).flatMap(({ parts }) => parts)) {
      for (const hop of part.hops) {
        if (hop.channel !== record.outpoint) continue;
        const sum = hop.from === self ? sums.out : sums.in;
        sum.offered += 1;
        sum.offeredMsat += hop.amountMsat;
        if (part.phase !== 'settled') continue;
        sum.fulfilled += 1;
        sum.fulfilledMsat += hop.amountMsat;
      }
    }
  }
  return {
    in_payments_offered: sums.in.offered,
    in_offered_msat: sums.in.offeredMsat,
    in_payments_fulfilled: sums.in.fulfilled,
    in_fulfilled_msat: sums.in.fulfilledMsat,
    out_payments_offered: sums.out.offered,
    out_offered_msat: sums.out.offeredMsat,
    out_payments_fulfilled: sums.out.fulfilled,
    out_fulfilled_msat: sums.out.fulfilledMsat,
  };
}

function statusLines(context: ClnContext, channel: OwnChannel, state: string): readonly string[] {
  const { record } = channel;
  const agreed = `CLOSINGD_SIGEXCHANGE:We agreed on a closing fee of 3426 satoshi for tx:${record.closingTxId}`;
  if (state === 'CHANNELD_AWAITING_LOCKIN') {
    const funding = context.network.transaction(channel.fundingTxId as NonNullable<typeof record.closingTxId>);
    const depth = funding?.height === undefined ? 0 : context.network.chain.record.height - funding.height + 1;
    return [`CHANNELD_AWAITING_LOCKIN:Funding needs ${context.network.times.confirmations - depth} more confirmations to be ready.`];
  }
  if (state === 'CHANNELD_NORMAL')
    return [channel.connected ? 'CHANNELD_NORMAL:Channel ready for use.' : 'CHANNELD_NORMAL:Will attempt reconnect in 1 seconds'];
  if (state !== 'ONCHAIN') return [agreed];
  const left = FORGET_BLOCKS - blocksSinceClose(context, channel);
  return [
    agreed,
    'ONCHAIN:Tracking mutual close transaction',
    `ONCHAIN:All outputs resolved: waiting ${left} more blocks before forgetting channel`,
  ];
}

function blocksSinceClose(context: ClnContext, { record }: OwnChannel): number {
  const height = record.closingTxId === undefined ? undefined : context.network.transaction(record.closingTxId)?.height;
  return height === undefined ? 0 : context.network.chain.record.height - height;
}

function update(policy: ChannelPolicy, mostMsat: bigint): unknown {
  return {
    htlc_minimum_msat: 1,
    htlc_maximum_msat: mostMsat,
    cltv_expiry_delta: policy.cltvDelta,
    fee_base_msat: policy.baseFeeMsat,
    fee_proportional_millionths: policy.feeRatePpm,
  };
}

/** Some other transaction's id that goes with this one. */
function reversed(txId: string): string {
  return Buffer.from(txId, 'hex').reverse().toString('hex');
}
