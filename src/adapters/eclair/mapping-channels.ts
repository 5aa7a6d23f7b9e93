import { type Msat, msat, sat } from '../../core/lightning/amount.ts';
import type { Channel, ChannelState, Forward, Peer } from '../../core/lightning/channel.ts';
import { nodeId, outpoint, type ShortChannelId, shortChannelId, type TxId, txId } from '../../core/lightning/identifiers.ts';
import type { WalletTransaction } from '../../core/lightning/wallet.ts';
import type { EclairOnchainEntry, EclairPeer } from './schema.ts';
import type { EclairChannel, EclairClosedChannel, EclairPublished } from './schema-channels.ts';
import type { EclairRelayed } from './schema-payments.ts';

/** A peer; eclair does not say which side connected. */
export function toPeer(peer: EclairPeer): Peer {
  return { nodeId: nodeId(peer.nodeId), connected: peer.state === 'CONNECTED', address: peer.address, inbound: undefined };
}

/** eclair's states as the port has them; one that is away is judged by the data it keeps. */
export function toChannelState(channel: EclairChannel): ChannelState {
  const { state, data } = channel;
  if (isCloseConfirmed(channel) || state === 'CLOSED') return 'closed';
  const isAway = state === 'OFFLINE' || state === 'SYNCING';
  const stage = isAway ? (data.type ?? '').replace(/^DATA_/, '') : state;
  if (stage === 'NORMAL') {
    if (data.localShutdown !== undefined && data.localShutdown !== null) return 'closing';
    return isAway ? 'inactive' : 'active';
  }
  if (stage.startsWith('WAIT_FOR_') && stage !== 'WAIT_FOR_REMOTE_PUBLISH_FUTURE_COMMITMENT') return 'pending';
  return 'closing';
}

/** The transaction that closes a channel, once one is out. */
export function closingTxOf(channel: EclairChannel): TxId | undefined {
  const { data } = channel;
  const found =
    confirmedOf(channel)?.commitTx.txid ??
    publishedOf(channel)[0]?.commitTx.txid ??
    data.mutualClosePublished?.at(-1)?.txid ??
    data.publishedClosingTxs?.at(-1)?.txid;
  return found === undefined ? undefined : txId(found);
}

/** Whether a forced close is confirmed: what is left then is only the waiting for our outputs. */
export function isCloseConfirmed(channel: EclairChannel): boolean {
  return confirmedOf(channel) !== undefined;
}

/** A channel; undefined for one that has no funding transaction, or never got one. */
export function toChannel(channel: EclairChannel): Channel | undefined {
  const { commitments } = channel.data;
  const commitment = commitments?.active[0];
  if (commitments === undefined || commitment === undefined) return undefined;
  const { spec } = commitment.localCommit;
  return {
    outpoint: outpoint(commitment.fundingInput),
    shortChannelId: channelIdOf(commitment.localFunding.shortChannelId),
    peer: nodeId(channel.nodeId),
    state: toChannelState(channel),
    capacityMsat: commitment.fundingAmount,
    localMsat: spec.toLocal,
    remoteMsat: spec.toRemote,
    private: !commitments.channelParams.channelFlags.announceChannel,
    initiator: commitments.channelParams.localParams.isChannelOpener,
    closingTxId: closingTxOf(channel),
  };
}

/** A channel that is over, in the form of 0.13.1 and later or in that of before. */
export function toClosedChannel(channel: EclairClosedChannel | EclairChannel): Channel | undefined {
  if (!('closingTxId' in channel)) {
    const before = toChannel(channel);
    return before === undefined ? undefined : { ...before, state: 'closed' };
  }
  return {
    outpoint: outpoint(`${channel.fundingTxId}:${channel.fundingOutputIndex}`),
    shortChannelId: undefined,
    peer: nodeId(channel.remoteNodeId),
    state: 'closed',
    capacityMsat: channel.capacity,
    localMsat: channel.localBalance,
    remoteMsat: channel.remoteBalance,
    private: !channel.announced,
    initiator: channel.isChannelOpener,
    closingTxId: txId(channel.closingTxId),
  };
}

/** What stands for the short id of a channel that eclair has forgotten. */
const FORGOTTEN: ShortChannelId = shortChannelId('0x0x0');

/** A forward; its channels are told by their long ids, of which the short ones are looked up. */
export function toForward(relayed: EclairRelayed, shortIds: ReadonlyMap<string, ShortChannelId>): Forward {
  const total = (edges: readonly { readonly amount: Msat }[]) => msat(edges.reduce((sum, edge) => sum + edge.amount, 0n));
  const inMsat = total(relayed.incoming);
  const outMsat = total(relayed.outgoing);
  const idOf = (edges: readonly { readonly channelId: string }[]) => shortIds.get(edges[0]?.channelId ?? '') ?? FORGOTTEN;
  return {
    at: relayed.settledAt,
    incoming: idOf(relayed.incoming),
    outgoing: idOf(relayed.outgoing),
    inMsat,
    outMsat,
    feeMsat: msat(inMsat > outMsat ? inMsat - outMsat : 0n),
  };
}

/** Transactions of the wallet, oldest first: bitcoind lists an entry for each address, and the fee with each that left. */
export function toWalletTransactions(entries: readonly EclairOnchainEntry[]): readonly WalletTransaction[] {
  const byId = new Map<string, EclairOnchainEntry[]>();
  for (const entry of entries) byId.set(entry.txid, [...(byId.get(entry.txid) ?? []), entry]);
  return [...byId.values()].reverse().map((all) => {
    const amount = all.reduce((sum, entry) => sum + BigInt(entry.amount), 0n);
    // Zero where it was not ours to pay.
    const fee = all.reduce((most, entry) => Math.max(most, Math.abs(entry.fees)), 0);
    const [first] = all as [EclairOnchainEntry];
    return {
      txId: txId(first.txid),
      deltaMsat: (amount - BigInt(fee)) * 1000n,
      feeMsat: fee === 0 ? undefined : sat(BigInt(fee)),
      confirmations: Math.max(0, first.confirmations),
      at: first.timestamp * 1000,
    };
  });
}

/** The short id of a confirmed channel; an alias of an unconfirmed one is none. */
export function channelIdOf(text: string | undefined): ShortChannelId | undefined {
  return text !== undefined && /^\d{1,8}x\d{1,8}x\d{1,5}$/.test(text) ? shortChannelId(text) : undefined;
}

function publishedOf({ data }: EclairChannel): readonly EclairPublished[] {
  return [
    data.localCommitPublished,
    data.remoteCommitPublished,
    data.nextRemoteCommitPublished,
    data.futureRemoteCommitPublished,
    ...(data.revokedCommitPublished ?? []),
  ].filter((published) => published !== undefined);
}

function confirmedOf(channel: EclairChannel): EclairPublished | undefined {
  return publishedOf(channel).find(({ commitTx, irrevocablySpent }) =>
    Object.values(irrevocablySpent).some(({ txid }) => txid === commitTx.txid),
  );
}
