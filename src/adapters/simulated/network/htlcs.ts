import { type Msat, msat } from '../../../core/lightning/amount.ts';
import type { Outpoint } from '../../../core/lightning/identifiers.ts';
import type { ChannelRecord, Side } from './records.ts';
import type { NetworkState } from './state.ts';

/** BOLT 2: what one side may have in flight over a channel. */
const MAX_HTLCS = 483;
/** Each side keeps a hundredth of the capacity, so that cheating would cost something (BOLT 2 `channel_reserve_satoshis`). */
const RESERVE_DIVISOR = 100n;

/** Which side of a channel a node is. @throws Error when it is neither. */
export function sideOf(channel: ChannelRecord, node: string): Side {
  if (channel.a === node) return 'a';
  if (channel.b === node) return 'b';
  throw new Error(`${node} has no part in channel ${channel.outpoint}`);
}

/** The balance of a side, what it has in flight not counted. */
export function balanceOf(channel: ChannelRecord, side: Side): Msat {
  return side === 'a' ? channel.aMsat : channel.bMsat;
}

/** What each side must keep. */
export function reserveOf(channel: Pick<ChannelRecord, 'capacityMsat'>): Msat {
  return msat(channel.capacityMsat / RESERVE_DIVISOR);
}

/** What a side can offer in one more HTLC. */
export function spendable(channel: ChannelRecord, side: Side): Msat {
  const free = balanceOf(channel, side) - reserveOf(channel);
  if (free <= 0n) return msat(0);
  const offered = Object.values(channel.htlcs).filter((htlc) => htlc.from === side).length;
  return msat(offered >= MAX_HTLCS ? 0n : free);
}

/** The sum that is in flight over a channel, of both sides or of one. */
export function inFlight(channel: ChannelRecord, side?: Side): Msat {
  let sum = 0n;
  for (const htlc of Object.values(channel.htlcs)) if (side === undefined || htlc.from === side) sum += htlc.amountMsat;
  return msat(sum);
}

/** Adds, takes and gives back HTLCs: every change of who owns what in a channel goes through here. */
export class Htlcs {
  readonly #state: NetworkState;

  constructor(state: NetworkState) {
    this.#state = state;
  }

  /** Offers an HTLC; false where the channel is not open or the side has too little left. Call in a transaction. */
  lock(outpoint: Outpoint, key: string, from: Side, amountMsat: Msat): boolean {
    const channel = this.#state.tables.channels.need(outpoint);
    if (channel.state !== 'open' || spendable(channel, from) < amountMsat) return false;
    this.#change(channel, from, msat(balanceOf(channel, from) - amountMsat), { ...channel.htlcs, [key]: { from, amountMsat } });
    return true;
  }

  /** The other side takes it, by its preimage. Call in a transaction. */
  settle(outpoint: Outpoint, key: string): void {
    this.#end(outpoint, key, true);
  }

  /** It goes back to who offered it. Call in a transaction. */
  fail(outpoint: Outpoint, key: string): void {
    this.#end(outpoint, key, false);
  }

  #end(outpoint: Outpoint, key: string, taken: boolean): void {
    const channel = this.#state.tables.channels.need(outpoint);
    const { [key]: htlc, ...htlcs } = channel.htlcs;
    if (htlc === undefined) throw new Error(`no HTLC ${key} in channel ${outpoint}`);
    const to = taken ? other(htlc.from) : htlc.from;
    this.#change(channel, to, msat(balanceOf(channel, to) + htlc.amountMsat), htlcs);
  }

  #change(channel: ChannelRecord, side: Side, balance: Msat, htlcs: ChannelRecord['htlcs']): void {
    this.#state.tables.channels.patch(channel.outpoint, { htlcs, ...(side === 'a' ? { aMsat: balance } : { bMsat: balance }) });
  }
}

/** The opposite side. */
export function other(side: Side): Side {
  return side === 'a' ? 'b' : 'a';
}
