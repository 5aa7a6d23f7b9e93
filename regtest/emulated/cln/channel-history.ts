import type { Outpoint } from '../../../src/core/lightning/identifiers.ts';
import { channelsOf, type OwnChannel } from '../shared/channels-of.ts';
import type { ClnContext } from './context.ts';

interface Change {
  readonly timestamp: string;
  readonly old_state: string;
  readonly new_state: string;
  readonly cause: 'user' | 'remote' | 'onchain';
  readonly message: string;
}

/** The ways from one state to the next that lightningd walks, and what it notes of each step. */
const STEPS: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  CHANNELD_NORMAL: [['CHANNELD_NORMAL', 'Lockin complete']],
  CLOSINGD_COMPLETE: [
    ['CHANNELD_SHUTTING_DOWN', 'User or plugin invoked close command'],
    ['CLOSINGD_SIGEXCHANGE', 'Start closingd'],
    ['CLOSINGD_COMPLETE', 'Closing complete'],
  ],
  AWAITING_UNILATERAL: [['AWAITING_UNILATERAL', 'Forcibly closed by `close` command timeout']],
  ONCHAIN: [
    ['FUNDING_SPEND_SEEN', 'Onchain funding spend'],
    ['ONCHAIN', 'Onchain init reply'],
  ],
};

/** What became of each channel, and who closed it: the simulated network remembers the end alone. */
export class ChannelHistory {
  readonly #context: ClnContext;
  readonly #states = new Map<Outpoint, string>();
  readonly #changes = new Map<Outpoint, Change[]>();
  readonly #closedByUs = new Set<Outpoint>();
  readonly #pushed = new Map<Outpoint, bigint>();

  constructor(context: ClnContext) {
    this.#context = context;
    context.network.subscribe((event) => {
      if (event.kind === 'channel') this.#look(event.outpoint);
    });
  }

  /** We are about to close it. */
  closing(outpoint: Outpoint): void {
    this.#closedByUs.add(outpoint);
  }

  closerOf(outpoint: Outpoint): 'local' | 'remote' {
    return this.#closedByUs.has(outpoint) ? 'local' : 'remote';
  }

  /** What was given to the peer at the opening. */
  pushed(outpoint: Outpoint, amountMsat: bigint): void {
    this.#pushed.set(outpoint, amountMsat);
  }

  pushedOf(outpoint: Outpoint): bigint {
    return this.#pushed.get(outpoint) ?? 0n;
  }

  changesOf(outpoint: Outpoint): readonly Change[] {
    return this.#changes.get(outpoint) ?? [];
  }

  #look(outpoint: Outpoint): void {
    const channel = channelsOf(this.#context.network, this.#context.name).find(({ record }) => record.outpoint === outpoint);
    if (channel === undefined) return;
    const state = stateOf(this.#context, channel);
    const before = this.#states.get(outpoint) ?? 'CHANNELD_AWAITING_LOCKIN';
    this.#states.set(outpoint, state);
    if (state === before) return;
    const changes = this.#changes.get(outpoint) ?? [];
    this.#changes.set(outpoint, changes);
    let from = before;
    const cause = this.#closedByUs.has(outpoint) || state === 'CHANNELD_NORMAL' ? 'user' : 'remote';
    for (const [to, message] of STEPS[state] ?? []) {
      changes.push({ timestamp: new Date(this.#context.now()).toISOString(), old_state: from, new_state: to, cause, message });
      from = to;
    }
  }
}

/** How a channel stands, in lightningd's words. */
export function stateOf(context: ClnContext, { record }: OwnChannel): string {
  if (record.state === 'pending') return 'CHANNELD_AWAITING_LOCKIN';
  if (record.state === 'open') return 'CHANNELD_NORMAL';
  if (record.state === 'closed') return 'ONCHAIN';
  const closing = record.closingTxId === undefined ? undefined : context.network.transaction(record.closingTxId);
  return closing?.kind === 'force-close' ? 'AWAITING_UNILATERAL' : 'CLOSINGD_COMPLETE';
}
