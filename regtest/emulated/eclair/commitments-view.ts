import type { OwnChannel } from '../shared/channels-of.ts';
import type { AbortedChannel } from './channel-state.ts';
import type { EclairContext } from './context.ts';
import { CHAIN_HASH } from './context.ts';
import { hexOf, keyOf } from './update-view.ts';

const INIT_FEATURES = {
  activated: {
    option_simple_close: 'optional',
    option_route_blinding: 'optional',
    option_attribution_data: 'optional',
    option_dual_fund: 'optional',
    gossip_queries_ex: 'optional',
    option_quiesce: 'optional',
    option_data_loss_protect: 'mandatory',
    var_onion_optin: 'mandatory',
    option_static_remotekey: 'mandatory',
    option_scid_alias: 'optional',
    option_onion_messages: 'optional',
    option_support_large_channel: 'optional',
    option_anchors_zero_fee_htlc_tx: 'optional',
    payment_secret: 'mandatory',
    option_shutdown_anysegwit: 'optional',
    option_channel_type: 'mandatory',
    basic_mpp: 'optional',
    gossip_queries: 'optional',
  },
};
const DUST_SAT = 546;
const TO_SELF_DELAY = 720;
const FEERATE = 2500;

/** The features that eclair announces at a connection, by their names in BOLT 9. */
export const NODE_FEATURES: { readonly activated: Readonly<Record<string, string>> } = {
  activated: { keysend: 'optional', ...INIT_FEATURES.activated, option_payment_metadata: 'optional' },
};

/** The alias that stands for a channel before it has a short id (`option_scid_alias`). */
export function localAlias({ channelId }: OwnChannel): string {
  return `0x${hexOf(`alias ${channelId}`, 7)}`;
}

/** The commitments of a channel: what eclair prints of its inner state. */
export function commitmentsView(context: EclairContext, channel: OwnChannel): Readonly<Record<string, unknown>> {
  const { record, channelId } = channel;
  const isOpener = channel.mine === 'a';
  const reserve = Number(record.capacityMsat / 100_000n);
  const htlcs = Object.entries(record.htlcs).map(([key, htlc], id) => ({
    direction: htlc.from === channel.mine ? 'OUT' : 'IN',
    id,
    amount: htlc.amountMsat,
    paymentHash: key.split('/')[1],
    cltvExpiry: context.network.chain.record.height + channel.policy.cltvDelta,
  }));
  const spec = (toLocal: bigint, toRemote: bigint) => ({ htlcs, commitTxFeerate: FEERATE, toLocal, toRemote });
  const funding = context.network.transaction(channel.fundingTxId as Parameters<EclairContext['network']['transaction']>[0]);
  const isConfirmed = funding?.height !== undefined && record.state !== 'pending';
  return {
    channelParams: {
      channelId,
      channelConfig: ['funding_pubkey_based_channel_keypath'],
      channelFeatures: [],
      localParams: localParams(context, `${channelId}`, reserve, isOpener),
      remoteParams: {
        nodeId: channel.peer.nodeId,
        initialRequestedChannelReserve_opt: reserve,
        revocationBasepoint: keyOf(`revocation ${channelId}`),
        paymentBasepoint: keyOf(`payment ${channelId}`),
        delayedPaymentBasepoint: keyOf(`delayed ${channelId}`),
        htlcBasepoint: keyOf(`htlc ${channelId}`),
        initFeatures: INIT_FEATURES,
      },
      channelFlags: { nonInitiatorPaysCommitFees: false, announceChannel: !record.private },
    },
    changes: {
      localChanges: { proposed: [], signed: [], acked: [] },
      remoteChanges: { proposed: [], acked: [], signed: [] },
      localNextHtlcId: 0,
      remoteNextHtlcId: 0,
    },
    active: [
      {
        fundingTxIndex: 0,
        fundingInput: record.outpoint,
        fundingAmount: record.capacityMsat / 1000n,
        localFunding: isConfirmed
          ? { status: 'confirmed', shortChannelId: record.shortChannelId }
          : { status: 'unconfirmed', txid: channel.fundingTxId },
        remoteFunding: { status: isConfirmed ? 'locked' : 'not-locked' },
        commitmentFormat: 'anchor_outputs',
        localCommitParams: commitParams(record.capacityMsat),
        localCommit: {
          index: 0,
          spec: spec(channel.localMsat, channel.remoteMsat),
          txId: hexOf(`local commit ${channelId}`, 32),
          remoteSig: { sig: hexOf(`remote signature ${channelId}`, 64) },
          htlcRemoteSigs: [],
        },
        remoteCommitParams: commitParams(record.capacityMsat),
        remoteCommit: {
          index: 0,
          spec: spec(channel.remoteMsat, channel.localMsat),
          txId: hexOf(`remote commit ${channelId}`, 32),
          remotePerCommitmentPoint: keyOf(`point ${channelId}`),
        },
      },
    ],
    inactive: [],
    remoteNextCommitInfo: keyOf(`next ${channelId}`),
    remotePerCommitmentSecrets: null,
    originChannels: {},
  };
}

/** A channel that never came to be, as `channels` has it. */
export function abortedView(context: EclairContext, { temporaryId, peer, fundingSat }: AbortedChannel): Readonly<Record<string, unknown>> {
  const keys = [
    'fundingPubkey',
    'revocationBasepoint',
    'paymentBasepoint',
    'delayedPaymentBasepoint',
    'htlcBasepoint',
    'firstPerCommitmentPoint',
  ];
  const channelFlags = { nonInitiatorPaysCommitFees: false, announceChannel: true };
  const channelType = { scidAlias: false, zeroConf: false };
  const inFlight = Number(fundingSat) * 450;
  const previousData = {
    type: 'DATA_WAIT_FOR_ACCEPT_CHANNEL',
    initFunder: {
      temporaryChannelId: temporaryId,
      fundingAmount: fundingSat,
      dualFunded: false,
      commitTxFeerate: FEERATE,
      fundingTxFeerate: FEERATE / 2,
      fundingTxFeeBudget_opt: 0,
      requireConfirmedInputs: false,
      localChannelParams: localParams(context, temporaryId, DUST_SAT, true),
      proposedCommitParams: {
        localDustLimit: DUST_SAT,
        localHtlcMinimum: 1,
        localMaxHtlcValueInFlight: inFlight,
        localMaxAcceptedHtlcs: 30,
        toRemoteDelay: TO_SELF_DELAY,
      },
      remoteInit: { features: INIT_FEATURES, tlvStream: {} },
      channelFlags,
      channelConfig: ['funding_pubkey_based_channel_keypath'],
      channelType,
    },
    lastSent: {
      chainHash: CHAIN_HASH,
      temporaryChannelId: temporaryId,
      fundingSatoshis: fundingSat,
      pushMsat: 0,
      dustLimitSatoshis: DUST_SAT,
      maxHtlcValueInFlightMsat: inFlight,
      channelReserveSatoshis: DUST_SAT,
      htlcMinimumMsat: 1,
      feeratePerKw: FEERATE,
      toSelfDelay: TO_SELF_DELAY,
      maxAcceptedHtlcs: 30,
      ...Object.fromEntries(keys.map((key) => [key, keyOf(`${key} ${temporaryId}`)])),
      channelFlags,
      tlvStream: { UpfrontShutdownScriptTlv: { script: '' }, ChannelTypeTlv: { channelType } },
    },
  };
  return { nodeId: peer, channelId: temporaryId, state: 'CLOSED', data: { previousData } };
}

function localParams(context: EclairContext, seed: string, reserve: number, isOpener: boolean): Readonly<Record<string, unknown>> {
  return {
    nodeId: context.self.nodeId,
    fundingKeyPath: [...Buffer.from(hexOf(`path ${seed}`, 8), 'hex')],
    initialRequestedChannelReserve_opt: reserve,
    isChannelOpener: isOpener,
    paysCommitTxFees: isOpener,
    initFeatures: INIT_FEATURES,
  };
}

function commitParams(capacityMsat: bigint): Readonly<Record<string, unknown>> {
  return {
    dustLimit: DUST_SAT,
    htlcMinimum: 1,
    maxHtlcValueInFlight: capacityMsat - capacityMsat / 100n,
    maxAcceptedHtlcs: 30,
    toSelfDelay: TO_SELF_DELAY,
  };
}
