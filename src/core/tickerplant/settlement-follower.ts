import type { NodeIdentity } from '../lightning/backend.ts';
import { isLightningError } from '../lightning/errors.ts';
import type { SettlementEvent, StreamStatus } from '../lightning/settlement.ts';
import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Logger } from '../ports/logger.ts';
import type { SettlementSource, SourcedEvent } from '../ports/settlement-source.ts';
import { nodeSource } from './node-source.ts';
import type { SellerBackend, SellerNode } from './seller-node.ts';

/** Something to be applied: an invoice was paid, or paid again. */
export type AppliedEvent = Exclude<SettlementEvent, { readonly kind: 'caught-up' }>;

/** What the follower leans on. */
export interface SettlementFollowerDependencies {
  readonly node: SellerNode;
  readonly backend: SellerBackend;
  /** Where settlements are learnt from; the node unless given. */
  readonly source?: SettlementSource | undefined;
  /** Where the cursors are kept that are committed with each effect: one per source, where there is more than the node. */
  readonly cursors: Pick<Ledger, 'cursor' | 'saveCursor'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Commits the effect of an event together with its cursor, in one transaction. */
  readonly apply: (node: NodeIdentity, event: AppliedEvent, from: SourcedEvent) => Promise<void>;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;

/**
 * Follows settlements from the committed cursor and hands over each, one after the other. The cursor that was committed
 * is the only position there is: after any failure it starts again from there.
 */
export class SettlementFollower {
  readonly #dependencies: SettlementFollowerDependencies;
  #status: StreamStatus = { state: 'connecting' };
  #isCaughtUp = false;

  constructor(dependencies: SettlementFollowerDependencies) {
    this.#dependencies = dependencies;
  }

  /** What the stream from the node, or from the listener, is doing. */
  get status(): StreamStatus {
    return this.#status;
  }

  /** Whether all that the node had on record when it was reached has had its effect, and it has not been lost since. */
  get isCaughtUp(): boolean {
    return this.#isCaughtUp;
  }

  /** Runs until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#dependencies;
    for (let pause = FIRST_PAUSE_MS; !signal.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        await this.#follow(signal, () => {
          pause = FIRST_PAUSE_MS;
        });
      } catch (error) {
        if (signal.aborted) return;
        this.#isCaughtUp = false;
        this.#status = { state: 'lost', error: error as Error, retryInMs: pause };
        logger.warn({ err: error, retryInMs: pause }, 'settlements can not be followed; trying again');
      }
      if (!signal.aborted) await clock.sleep(pause, signal).catch(() => undefined);
    }
  }

  async #follow(signal: AbortSignal, onEvent: () => void): Promise<void> {
    const { node, backend, source = nodeSource(node, backend), cursors, apply } = this.#dependencies;
    const onStatus = (status: StreamStatus) => this.#onStatus(status);
    const events = source.events({ signal, onStatus, committed: (identity, name) => cursors.cursor(identity, name) });
    try {
      for await (const from of events) {
        const { event } = from;
        if (event.kind === 'caught-up') {
          if (event.cursor !== (await cursors.cursor(from.node, from.source)))
            await cursors.saveCursor(from.node, event.cursor, from.source);
          // A backend need not tell of its connection; this says as much.
          this.#status = { state: 'live' };
          this.#isCaughtUp = true;
        } else {
          await apply(from.node, event, from);
        }
        onEvent();
      }
    } catch (error) {
      if (!(signal.aborted && isLightningError(error, 'ABORTED'))) throw error;
    }
  }

  #onStatus(status: StreamStatus): void {
    const { logger } = this.#dependencies;
    this.#status = status;
    if (status.state === 'lost') this.#isCaughtUp = false;
    if (status.state === 'lost') logger.warn({ err: status.error, retryInMs: status.retryInMs }, 'the stream of settlements was lost');
    else logger.debug({}, `the stream of settlements is ${status.state}`);
  }
}
