import { MSAT_PER_SAT, type Msat, msat, sat } from '../../../core/lightning/amount.ts';
import type { ChannelPolicy } from '../../../core/lightning/channel.ts';
import {
  type Outpoint,
  outpoint as parseOutpoint,
  type ShortChannelId,
  shortChannelId,
  type TxId,
} from '../../../core/lightning/identifiers.ts';
import { type Chain, feeOf, spendablePart } from './chain.ts';
import { failure } from './failures.ts';
import { balanceOf, reserveOf, sideOf } from './htlcs.ts';
import type { Peers } from './peers.ts';
import type { ChannelRecord, Side, TransactionRecord } from './records.ts';
import type { NetworkState } from './state.ts';

/** What to open a channel with. */
export interface OpenOrder {
  readonly from: string;
  readonly to: string;
  readonly capacityMsat: Msat;
  readonly pushMsat: Msat;
  readonly private: boolean;
  readonly feeRateSatPerVbyte?: number | undefined;
}

/** Blocks that things take. */
export interface ChannelTimes {
  /** Confirmations of the funding until a channel can be used. */
  readonly confirmations: number;
  /** Blocks that who closes by force waits for its money (BOLT 2 `to_self_delay`). */
  readonly toSelfDelay: number;
}

/** What forwarding costs unless a node says otherwise: lnd's defaults. */
export const DEFAULT_POLICY: ChannelPolicy = { baseFeeMsat: msat(1000), feeRatePpm: 1, cltvDelta: 80 };

const MIN_CAPACITY = sat(20_000);
const OPEN_VBYTES = 154;
const CLOSE_VBYTES = 168;
const FORCE_VBYTES = 279;
const MAX_CLTV_DELTA = 2016;

/** Channels: opening, confirming, pricing, closing. Balances in them move by HTLCs alone. */
export class Channels {
  readonly #state: NetworkState;
  readonly #peers: Peers;
  readonly #chain: Chain;
  readonly #times: ChannelTimes;
  readonly #byNode = new Map<string, Set<Outpoint>>();
  readonly #byShortId = new Map<ShortChannelId, Outpoint>();
  /** Ends every HTLC in a channel that is about to be closed by force. */
  clearHtlcs: (channel: ChannelRecord) => void = () => {};

  constructor(state: NetworkState, peers: Peers, chain: Chain, times: ChannelTimes) {
    this.#state = state;
    this.#peers = peers;
    this.#chain = chain;
    this.#times = times;
    peers.haveChannel = (one, other) =>
      this.of(one).some((channel) => channel.state !== 'closed' && (channel.a === other || channel.b === other));
    state.tables.channels.onChange((before, after) => this.#index(before, after));
  }

  /**
   * Opens a channel and broadcasts its funding.
   * @throws LightningError `NOT_FOUND` (not connected), `INVALID_ARGUMENT` (amounts), `INSUFFICIENT_FUNDS`, `REJECTED` (to itself).
   */
  open(order: OpenOrder): ChannelRecord {
    const { from, to, capacityMsat, pushMsat } = order;
    if (from === to) throw failure('REJECTED', 'open', 'a node has no channel with itself');
    if (!this.#peers.connected(from, to)) throw failure('NOT_FOUND', 'open', 'the peer is not connected');
    if (capacityMsat % MSAT_PER_SAT !== 0n) throw failure('INVALID_ARGUMENT', 'open', 'a channel holds whole satoshi');
    if (capacityMsat < MIN_CAPACITY)
      throw failure('INVALID_ARGUMENT', 'open', `a channel holds at least ${MIN_CAPACITY / MSAT_PER_SAT} sat`);
    if (pushMsat > capacityMsat - reserveOf({ capacityMsat })) {
      throw failure('INVALID_ARGUMENT', 'open', 'no more can be pushed than the capacity less a hundredth, which is our reserve');
    }
    return this.#state.transact(() => {
      const output = { to: 'channel', amountMsat: capacityMsat, delayBlocks: 0 } as const;
      const id = parseOutpoint(`${this.#chain.spend('open', from, [output], OPEN_VBYTES, order.feeRateSatPerVbyte)}:0`);
      this.#state.tables.channels.put(id, {
        outpoint: id,
        shortChannelId: undefined,
        a: from,
        b: to,
        capacityMsat,
        aMsat: msat(capacityMsat - pushMsat),
        bMsat: pushMsat,
        htlcs: {},
        private: order.private,
        aPolicy: DEFAULT_POLICY,
        bPolicy: DEFAULT_POLICY,
        state: 'pending',
        closingTxId: undefined,
      });
      this.#state.emit({ kind: 'channel', outpoint: id });
      return this.#state.tables.channels.need(id);
    });
  }

  /** All channels that a node ever had, oldest first. */
  of(node: string): readonly ChannelRecord[] {
    return [...(this.#byNode.get(node) ?? [])].map((id) => this.#state.tables.channels.need(id));
  }

  byShortId(id: ShortChannelId): ChannelRecord | undefined {
    const found = this.#byShortId.get(id);
    return found === undefined ? undefined : this.#state.tables.channels.get(found);
  }

  /** A node's channel. @throws LightningError `NOT_FOUND`. */
  need(node: string, id: Outpoint, operation: string): ChannelRecord {
    const channel = this.#state.tables.channels.get(id);
    if (channel === undefined || (channel.a !== node && channel.b !== node))
      throw failure('NOT_FOUND', operation, 'this node has no such channel');
    return channel;
  }

  /** Open, and both nodes run and are connected. */
  usable(channel: ChannelRecord): boolean {
    return channel.state === 'open' && this.#peers.connected(channel.a, channel.b);
  }

  setPolicy(node: string, id: Outpoint | 'all', policy: ChannelPolicy): void {
    if (
      !Number.isInteger(policy.feeRatePpm) ||
      policy.feeRatePpm < 0 ||
      policy.feeRatePpm > 0xffffffff ||
      policy.baseFeeMsat > 0xffffffffn
    ) {
      throw failure('INVALID_ARGUMENT', 'setPolicy', 'base fee and rate are 32-bit numbers (BOLT 7)');
    }
    if (!Number.isInteger(policy.cltvDelta) || policy.cltvDelta < 1 || policy.cltvDelta > MAX_CLTV_DELTA) {
      throw failure('INVALID_ARGUMENT', 'setPolicy', `a CLTV delta is between 1 and ${MAX_CLTV_DELTA} blocks`);
    }
    const channels = id === 'all' ? this.of(node).filter(({ state }) => state !== 'closed') : [this.need(node, id, 'setPolicy')];
    this.#state.transact(() => {
      for (const channel of channels) {
        const mine = sideOf(channel, node) === 'a' ? { aPolicy: policy } : { bPolicy: policy };
        this.#state.tables.channels.patch(channel.outpoint, mine);
        this.#state.emit({ kind: 'channel', outpoint: channel.outpoint });
      }
    });
  }

  /**
   * Closes; answers the closing transaction. A forced close first ends what is in flight: settled where the preimage is out, else given back.
   * @throws LightningError `NOT_FOUND`, `CONFLICT` (closed already, unconfirmed, peer away, HTLCs in flight).
   */
  close(node: string, id: Outpoint, force: boolean, feeRateSatPerVbyte?: number): TxId {
    const channel = this.need(node, id, 'close');
    if (channel.state === 'closing' && channel.closingTxId !== undefined) return channel.closingTxId;
    if (channel.state === 'closed') throw failure('CONFLICT', 'close', 'the channel is closed');
    if (channel.state === 'pending') throw failure('CONFLICT', 'close', 'the funding of the channel is not confirmed yet');
    if (!force && !this.#peers.connected(channel.a, channel.b))
      throw failure('CONFLICT', 'close', 'the peer is away: only a forced close is possible');
    if (!force && Object.keys(channel.htlcs).length > 0) throw failure('CONFLICT', 'close', 'HTLCs are in flight over the channel');
    const wantedFee = feeOf(force ? FORCE_VBYTES : CLOSE_VBYTES, feeRateSatPerVbyte ?? 2);
    return this.#state.transact(() => {
      if (force) {
        // First, so that what comes back is not sent over it again.
        this.#change(channel, { state: 'closing' });
        this.clearHtlcs(channel);
      }
      return this.#broadcastClose(this.#state.tables.channels.need(id), sideOf(channel, node), force, wantedFee);
    });
  }

  /** A block: fundings that are deep enough open their channels, confirmed closes end theirs. Call in its transaction. */
  confirmed(height: number, transactions: readonly TransactionRecord[]): void {
    const confirmed = new Map(transactions.map((transaction) => [transaction.txId, transaction]));
    for (const channel of [...this.#state.tables.channels.values()]) {
      const funding = channel.outpoint.slice(0, 64) as TxId;
      const closing = channel.closingTxId === undefined ? undefined : confirmed.get(channel.closingTxId);
      if (closing !== undefined) this.#change(channel, { state: 'closed' });
      else if (channel.state === 'pending') {
        const transaction = confirmed.get(funding) ?? this.#state.tables.transactions.get(funding);
        if (transaction === undefined) throw new Error(`channel ${channel.outpoint} has no funding transaction`);
        const position = this.#chain.positionInBlock(transaction, transactions);
        const shortId = channel.shortChannelId ?? shortChannelId(`${height}x${position}x0`);
        const depth = height - (transaction.height ?? height) + 1;
        this.#change(channel, { shortChannelId: shortId, state: depth >= this.#times.confirmations ? 'open' : 'pending' });
      }
    }
  }

  #broadcastClose(channel: ChannelRecord, closer: Side, force: boolean, wantedFee: Msat): TxId {
    const feeOfOpener = channel.aMsat < wantedFee ? channel.aMsat : wantedFee;
    const outputs = (['a', 'b'] as const)
      .map((side) => ({
        to: { node: channel[side] },
        amountMsat: spendablePart(side === 'a' ? msat(channel.aMsat - feeOfOpener) : balanceOf(channel, side)),
        delayBlocks: force && side === closer ? this.#times.toSelfDelay : 0,
      }))
      .filter(({ amountMsat }) => amountMsat > 0n);
    const paid = outputs.reduce((sum, { amountMsat }) => sum + amountMsat, 0n);
    const feeMsat = msat(channel.capacityMsat - paid);
    const kind = force ? 'force-close' : 'close';
    const closingTxId = this.#chain.broadcast({ kind, payer: undefined, spentMsat: channel.capacityMsat, feeMsat, outputs });
    this.#change(channel, { state: 'closing', closingTxId });
    return closingTxId;
  }

  #change(channel: ChannelRecord, fields: Partial<ChannelRecord>): void {
    this.#state.tables.channels.patch(channel.outpoint, fields);
    this.#state.emit({ kind: 'channel', outpoint: channel.outpoint });
  }

  #index(before: ChannelRecord | undefined, after: ChannelRecord | undefined): void {
    if (before !== undefined && after === undefined)
      for (const node of [before.a, before.b]) this.#byNode.get(node)?.delete(before.outpoint);
    if (before?.shortChannelId !== undefined) this.#byShortId.delete(before.shortChannelId);
    if (after === undefined) return;
    for (const node of [after.a, after.b]) {
      const mine = this.#byNode.get(node);
      if (mine === undefined) this.#byNode.set(node, new Set([after.outpoint]));
      else mine.add(after.outpoint);
    }
    if (after.shortChannelId !== undefined) this.#byShortId.set(after.shortChannelId, after.outpoint);
  }
}
