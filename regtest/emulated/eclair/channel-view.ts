import { inFlight } from '../../../src/adapters/simulated/network/htlcs.ts';
import { directionFrom, type OwnChannel } from '../shared/channels-of.ts';
import { rawTransaction } from '../shared/transaction-text.ts';
import { type ChannelStates, closingType, isForced, stateOf } from './channel-state.ts';
import { commitmentsView, localAlias } from './commitments-view.ts';
import { CHAIN_HASH, type EclairContext } from './context.ts';
import { hexOf, keyOf, updateView } from './update-view.ts';

const SCRIPT = '0014';

/** A channel as `channels` and `channel` have it. */
export function channelView(context: EclairContext, states: ChannelStates, channel: OwnChannel): Readonly<Record<string, unknown>> {
  return {
    nodeId: channel.peer.nodeId,
    channelId: channel.channelId,
    state: stateOf(context, channel),
    data: data(context, states, channel),
  };
}

/** A channel as `closedchannels` has it. */
export function closedChannelView(context: EclairContext, states: ChannelStates, channel: OwnChannel): Readonly<Record<string, unknown>> {
  const { record } = channel;
  return {
    channelId: channel.channelId,
    remoteNodeId: channel.peer.nodeId,
    fundingTxId: channel.fundingTxId,
    fundingOutputIndex: channel.fundingOutput,
    fundingTxIndex: 0,
    fundingKeyPath: 'm/2670674794/1859708797/2147483649',
    channelFeatures: 'option_static_remotekey,option_anchors_zero_fee_htlc_tx',
    isChannelOpener: channel.mine === 'a',
    commitmentFormat: 'anchor_outputs',
    announced: !record.private,
    capacity: record.capacityMsat / 1000n,
    closingTxId: record.closingTxId,
    closingType: closingType(context, states, channel),
    closingScript: SCRIPT + hexOf(channel.channelId, 20),
    localBalance: channel.localMsat,
    remoteBalance: channel.remoteMsat,
    closingAmount: channel.localMsat / 1000n,
  };
}

function data(context: EclairContext, states: ChannelStates, channel: OwnChannel): Readonly<Record<string, unknown>> {
  const { record } = channel;
  const commitments = commitmentsView(context, channel);
  if (record.state === 'pending') {
    return {
      type: 'DATA_WAIT_FOR_FUNDING_CONFIRMED',
      commitments,
      waitingSince: context.network.chain.record.height,
      lastSent: {
        temporaryChannelId: hexOf(`temporary ${channel.channelId}`, 32),
        fundingTxId: channel.fundingTxId,
        fundingOutputIndex: channel.fundingOutput,
        signature: hexOf(`funding ${channel.channelId}`, 64),
        tlvStream: {},
      },
    };
  }
  if (record.state === 'open') return normalData(context, states, channel, commitments);
  const closing = transactionView(context, channel);
  if (!isForced(context, channel)) {
    return {
      type: 'DATA_NEGOTIATING_SIMPLE',
      commitments,
      lastClosingFeerate: 2500,
      localScriptPubKey: SCRIPT + hexOf(channel.channelId, 20),
      remoteScriptPubKey: SCRIPT + hexOf(`remote ${channel.channelId}`, 20),
      proposedClosingTxs: [],
      publishedClosingTxs: [closing],
    };
  }
  const published = { commitTx: closing, irrevocablySpent: record.state === 'closed' ? { [record.outpoint]: closing } : {} };
  return {
    type: 'DATA_CLOSING',
    commitments,
    waitingSince: context.network.chain.record.height,
    finalScriptPubKey: SCRIPT + hexOf(channel.channelId, 20),
    mutualCloseProposed: [],
    mutualClosePublished: [],
    ...(states.isForcedByUs(record.outpoint) ? { localCommitPublished: published } : { remoteCommitPublished: published }),
    revokedCommitPublished: [],
  };
}

function normalData(
  context: EclairContext,
  states: ChannelStates,
  channel: OwnChannel,
  commitments: unknown,
): Readonly<Record<string, unknown>> {
  const { record, channelId } = channel;
  const shutdown = states.shuttingDown.has(record.outpoint)
    ? { localShutdown: { channelId, scriptPubKey: SCRIPT + hexOf(channelId, 20), tlvStream: {} }, closeStatus_opt: {} }
    : {};
  return {
    type: 'DATA_NORMAL',
    commitments,
    aliases: { localAlias: localAlias(channel) },
    ...(!record.private && { lastAnnouncement_opt: announcement(context, channel) }),
    channelUpdate: updateView(context, record, context.name),
    ...shutdown,
  };
}

/** The `channel_announcement` (BOLT 7). */
function announcement(context: EclairContext, { record, peer, channelId }: OwnChannel): unknown {
  const self = context.self.nodeId;
  const [nodeId1, nodeId2] = directionFrom(self, peer.nodeId) === 0 ? [self, peer.nodeId] : [peer.nodeId, self];
  const signatures = ['nodeSignature1', 'nodeSignature2', 'bitcoinSignature1', 'bitcoinSignature2'];
  return {
    ...Object.fromEntries(signatures.map((name) => [name, hexOf(`${name} ${channelId}`, 64)])),
    features: { activated: {} },
    chainHash: CHAIN_HASH,
    shortChannelId: record.shortChannelId,
    nodeId1,
    nodeId2,
    bitcoinKey1: keyOf(`bitcoin 1 ${channelId}`),
    bitcoinKey2: keyOf(`bitcoin 2 ${channelId}`),
    tlvStream: {},
  };
}

function transactionView(
  context: EclairContext,
  { record, fundingTxId, fundingOutput }: OwnChannel,
): { readonly txid: string | undefined; readonly tx: string } {
  const outputs = (record.closingTxId === undefined ? [] : (context.network.transaction(record.closingTxId)?.outputs ?? [])).map(
    ({ amountMsat }) => ({
      amountMsat,
      script: SCRIPT + hexOf(fundingTxId, 20),
    }),
  );
  return { txid: record.closingTxId, tx: rawTransaction([{ txId: fundingTxId, index: fundingOutput }], outputs) };
}

/** A line of `usablebalances` and `channelbalances`. */
export function balanceView(context: EclairContext, channel: OwnChannel): Readonly<Record<string, unknown>> {
  const { record } = channel;
  return {
    remoteNodeId: channel.peer.nodeId,
    realScid: record.shortChannelId,
    aliases: { localAlias: localAlias(channel) },
    canSend: channel.spendableMsat,
    canReceive: channel.receivableMsat,
    isPublic: !record.private,
    isEnabled: context.network.channels.usable(record),
  };
}

/** The sums of `globalbalance`, in bitcoin. */
export function offChainView(channels: readonly OwnChannel[]): Readonly<Record<string, unknown>> {
  const bitcoin = (amountMsat: bigint) => Number(amountMsat / 1000n) / 1e8;
  const sum = (state: string) =>
    channels.filter(({ record }) => record.state === state).reduce((total, { localMsat }) => total + localMsat, 0n);
  const htlcs = channels.reduce((total, { record, mine }) => total + inFlight(record, mine), 0n);
  return {
    waitForFundingConfirmed: bitcoin(sum('pending')),
    waitForChannelReady: 0,
    normal: { toLocal: bitcoin(sum('open')), htlcs: bitcoin(htlcs) },
    shutdown: { toLocal: 0, htlcs: 0 },
    negotiating: { toLocal: 0, htlcs: 0 },
    closing: { toLocal: bitcoin(sum('closing')), htlcs: 0 },
    waitForPublishFutureCommitment: 0,
  };
}
