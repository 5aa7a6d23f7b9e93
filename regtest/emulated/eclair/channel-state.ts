import type { Outpoint } from '../../../src/core/lightning/identifiers.ts';
import { channelsOf, type OwnChannel } from '../shared/channels-of.ts';
import type { EclairContext } from './context.ts';
import { hexOf } from './update-view.ts';

const FUNDED = [
  'WAIT_FOR_INIT_SINGLE_FUNDED_CHANNEL',
  'WAIT_FOR_ACCEPT_CHANNEL',
  'WAIT_FOR_FUNDING_INTERNAL',
  'WAIT_FOR_FUNDING_SIGNED',
  'WAIT_FOR_FUNDING_CONFIRMED',
];
const ACCEPTED = ['WAIT_FOR_INIT_SINGLE_FUNDED_CHANNEL', 'WAIT_FOR_OPEN_CHANNEL', 'WAIT_FOR_FUNDING_CREATED', 'WAIT_FOR_FUNDING_CONFIRMED'];

/** A channel that never came to be, which eclair goes on to list until its peer goes away. */
export interface AbortedChannel {
  readonly temporaryId: string;
  readonly peer: string;
  readonly fundingSat: bigint;
}

/** What eclair knows of its channels beside the simulated network, and the events of their changes. */
export class ChannelStates {
  /** Channels that were told to close and wait for their HTLCs or their peer. */
  readonly shuttingDown: Set<Outpoint> = new Set();
  aborted: readonly AbortedChannel[] = [];
  readonly #context: EclairContext;
  readonly #known = new Map<Outpoint, string>();
  readonly #forcedByUs = new Set<Outpoint>();

  constructor(context: EclairContext) {
    this.#context = context;
    context.network.subscribe((event) => {
      if (event.kind === 'peer') this.aborted = this.aborted.filter(({ peer }) => this.#isConnected(peer));
      if (event.kind === 'channel' || event.kind === 'peer' || event.kind === 'block') this.#look();
    });
  }

  /** We are about to close by force. */
  forcing(outpoint: Outpoint): void {
    this.#forcedByUs.add(outpoint);
  }

  isForcedByUs(outpoint: Outpoint): boolean {
    return this.#forcedByUs.has(outpoint);
  }

  /** Notes a channel that the peer did not want. */
  abort(channel: AbortedChannel): void {
    this.aborted = [...this.aborted, channel];
    this.#created(channel.temporaryId, channel.peer, true);
    this.#changed(channel.temporaryId, channel.peer, FUNDED[0] ?? '', FUNDED[1] ?? '');
    this.#changed(channel.temporaryId, channel.peer, FUNDED[1] ?? '', 'CLOSED');
  }

  #isConnected(peer: string): boolean {
    const node = this.#context.network.nodes.list().find(({ nodeId }) => nodeId === peer);
    return node !== undefined && this.#context.network.peers.connected(this.#context.name, node.name);
  }

  #look(): void {
    for (const channel of channelsOf(this.#context.network, this.#context.name)) {
      const before = this.#known.get(channel.record.outpoint);
      const now = stateOf(this.#context, channel);
      if (now === before) continue;
      this.#known.set(channel.record.outpoint, now);
      this.#tell(channel, before, now);
    }
  }

  #tell(channel: OwnChannel, before: string | undefined, now: string): void {
    const { channelId, peer, fundingTxId } = channel;
    const funding = { remoteNodeId: peer.nodeId, channelId, fundingTxId, fundingTxIndex: 0 };
    if (before === undefined) {
      const isOpener = channel.mine === 'a';
      const steps = isOpener ? FUNDED : ACCEPTED;
      const temporary = hexOf(`temporary ${channelId}`, 32);
      this.#created(temporary, peer.nodeId, isOpener);
      for (const [at, step] of steps.slice(1).entries()) {
        const isLast = at === steps.length - 2;
        if (isLast) this.#context.events.push({ type: 'channel-funding-created', ...funding });
        this.#changed(at < 2 ? temporary : channelId, peer.nodeId, steps[at] ?? '', step);
      }
      if (now === 'WAIT_FOR_FUNDING_CONFIRMED') return;
    }
    const from = before ?? 'WAIT_FOR_FUNDING_CONFIRMED';
    if (from === 'WAIT_FOR_FUNDING_CONFIRMED' && now === 'NORMAL') {
      this.#context.events.push({ type: 'channel-confirmed', ...funding, blockHeight: this.#context.network.chain.record.height });
      this.#changed(channelId, peer.nodeId, from, 'WAIT_FOR_CHANNEL_READY');
      this.#context.events.push({ type: 'channel-ready', ...funding });
      this.#changed(channelId, peer.nodeId, 'WAIT_FOR_CHANNEL_READY', now);
    } else if (from === 'OFFLINE' && now === 'NORMAL') {
      this.#changed(channelId, peer.nodeId, from, 'SYNCING');
      this.#changed(channelId, peer.nodeId, 'SYNCING', now);
    } else {
      this.#changed(channelId, peer.nodeId, from, now);
    }
    if (now === 'CLOSED')
      this.#context.events.push({ type: 'channel-closed', channelId, closingType: closingType(this.#context, this, channel) });
  }

  #created(temporaryChannelId: string, remoteNodeId: string, isOpener: boolean): void {
    const rates = { commitTxFeeratePerKw: 2500, fundingTxFeeratePerKw: 1250 };
    this.#context.events.push({ type: 'channel-created', remoteNodeId, isOpener, temporaryChannelId, ...rates });
  }

  #changed(channelId: string, remoteNodeId: string, previousState: string, currentState: string): void {
    this.#context.events.push({ type: 'channel-state-changed', channelId, remoteNodeId, previousState, currentState });
  }
}

/** How a channel stands, in eclair's words. */
export function stateOf(context: EclairContext, channel: OwnChannel): string {
  const { record } = channel;
  if (record.state === 'closed') return isResolved(context, channel) ? 'CLOSED' : 'CLOSING';
  if (record.state === 'closing') return isForced(context, channel) ? 'CLOSING' : 'NEGOTIATING_SIMPLE';
  if (!channel.connected) return 'OFFLINE';
  return record.state === 'pending' ? 'WAIT_FOR_FUNDING_CONFIRMED' : 'NORMAL';
}

/** Whether nothing of a closed channel's money is still to come: it has gone to the list of closed ones. */
export function isResolved({ network, name }: EclairContext, { record }: OwnChannel): boolean {
  const transaction = record.closingTxId === undefined ? undefined : network.transaction(record.closingTxId);
  return transaction?.outputs.every(({ to, paid }) => paid || typeof to !== 'object' || to.node !== name) === true;
}

/** Whether the closing transaction is a commitment of one side. */
export function isForced({ network }: EclairContext, { record }: OwnChannel): boolean {
  return record.closingTxId !== undefined && network.transaction(record.closingTxId)?.kind === 'force-close';
}

/** What eclair calls the way in which a channel was closed. */
export function closingType(context: EclairContext, states: ChannelStates, channel: OwnChannel): string {
  if (!isForced(context, channel)) return 'mutual-close';
  return states.isForcedByUs(channel.record.outpoint) ? 'local-close' : 'remote-close';
}
