import type { NodeIdentity } from '../core/lightning/backend.ts';
import type { Capabilities } from '../core/lightning/capabilities.ts';
import { isLightningError } from '../core/lightning/errors.ts';
import type { StreamStatus } from '../core/lightning/settlement.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { Logger } from '../core/ports/logger.ts';
import type { SellerBackend } from '../core/tickerplant/seller-node.ts';
import { ListenerError } from './errors.ts';
import { settledEvent } from './event.ts';
import type { Outbox } from './outbox/outbox.ts';

/** What a listener needs of its backend: invoices, and who the node is. */
export type ListenerBackend = SellerBackend & { readonly capabilities: Pick<Capabilities, 'orderedSettlements' | 'invoiceOnlyCredential'> };

/** What {@link SettlementFollowing} leans on. */
export interface FollowingDependencies {
  readonly backend: ListenerBackend;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly logger: Logger;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;

/**
 * Follows the node's settlements into the outbox: each event and the position at the node are one transaction, so that after any
 * failure it goes on where the outbox says, and nothing is lost or told under two numbers.
 */
export class SettlementFollowing {
  readonly #dependencies: FollowingDependencies;
  readonly #listeners = new Set<() => void>();
  #status: StreamStatus = { state: 'connecting' };
  #isCaughtUp = false;

  constructor(dependencies: FollowingDependencies) {
    this.#dependencies = dependencies;
  }

  /** What the stream from the node is doing. */
  get status(): StreamStatus {
    return this.#status;
  }

  /** Whether all that the node had on record when it was reached is in the outbox, and it has not been lost since. */
  get isCaughtUp(): boolean {
    return this.#isCaughtUp;
  }

  /** Calls back when {@link isCaughtUp} has changed. */
  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  /** Runs until the signal is aborted. @throws ListenerError `OTHER_NODE`: nothing can be done about that by waiting. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#dependencies;
    for (let pause = FIRST_PAUSE_MS; !signal.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        await this.#follow(signal, () => {
          pause = FIRST_PAUSE_MS;
        });
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ListenerError && error.code === 'OTHER_NODE') throw error;
        this.#set({ state: 'lost', error: error as Error, retryInMs: pause }, false);
        logger.warn({ err: error, retryInMs: pause }, 'settlements can not be followed; trying again');
      }
      if (!signal.aborted) await clock.sleep(pause, signal).catch(() => undefined);
    }
  }

  async #follow(signal: AbortSignal, onEvent: () => void): Promise<void> {
    const { backend, outbox, logger } = this.#dependencies;
    const node = await this.#reach(signal);
    const after = outbox.nodeCursor;
    const cursorsTravel = backend.capabilities.orderedSettlements;
    const onStatus = (status: StreamStatus) => this.#onStatus(status);
    try {
      for await (const event of backend.invoices.settlements({ signal, onStatus, ...(after === undefined ? {} : { after }) })) {
        const { kind, cursor } = event;
        if (kind === 'caught-up') {
          if (cursor !== outbox.nodeCursor) outbox.append([], { nodeCursor: cursor });
          this.#set({ state: 'live' }, true);
        } else {
          const { settlement } = event;
          const told = settledEvent(kind, settlement, cursor, { cursorsTravel });
          const added = outbox.append([told], { nodeCursor: cursor, ended: [settlement.paymentHash] });
          for (const { offset, id } of added) logger.info({ offset, id, kind, receivedMsat: String(settlement.receivedMsat) }, 'settled');
        }
        onEvent();
      }
    } catch (error) {
      if (!(signal.aborted && isLightningError(error, 'ABORTED'))) throw error;
    }
    if (!signal.aborted) logger.debug({ node: node.nodeId }, 'the stream of settlements ended');
  }

  /** Learns which node this is; an outbox that is new begins at the node's present end. */
  async #reach(signal: AbortSignal): Promise<NodeIdentity> {
    const { backend, outbox, logger } = this.#dependencies;
    const node = await backend.node.identity({ signal });
    const isNew = outbox.node === undefined;
    outbox.bind(node);
    if (outbox.nodeCursor === undefined) outbox.append([], { nodeCursor: await backend.invoices.settlementsHead({ signal }) });
    if (isNew)
      logger.info({ node: node.nodeId, network: node.network, outbox: outbox.id }, 'a new outbox begins at the present end of the node');
    return node;
  }

  #onStatus(status: StreamStatus): void {
    const { logger } = this.#dependencies;
    if (status.state === 'lost') logger.warn({ err: status.error, retryInMs: status.retryInMs }, 'the stream of settlements was lost');
    // Live without being caught up is what `caught-up` follows on.
    this.#set(status, this.#isCaughtUp && status.state === 'live');
  }

  #set(status: StreamStatus, isCaughtUp: boolean): void {
    this.#status = status;
    if (this.#isCaughtUp === isCaughtUp) return;
    this.#isCaughtUp = isCaughtUp;
    for (const listener of [...this.#listeners]) listener();
  }
}
