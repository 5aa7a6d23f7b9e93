import type { NodeIdentity } from '../lightning/backend.ts';
import { isLightningError } from '../lightning/errors.ts';
import type { SettlementEvent, StreamStatus } from '../lightning/settlement.ts';
import type { Clock } from '../ports/clock.ts';
import type { Journal } from '../ports/journal.ts';
import type { Ledger, NextSeqs, QuoteRecord, SettlementEffect, SettlementPolicy } from '../ports/ledger.ts';
import type { Logger } from '../ports/logger.ts';
import type { Catalog } from './catalog.ts';
import type { Publisher } from './publisher.ts';
import type { QuoteDesk } from './quote-desk.ts';
import type { SellerBackend, SellerNode } from './seller-node.ts';

/** What the processor leans on. */
export interface SettlementProcessorDependencies {
  readonly node: SellerNode;
  readonly backend: SellerBackend;
  readonly ledger: Ledger;
  readonly journal: Journal;
  readonly publisher: Publisher;
  readonly desk: QuoteDesk;
  readonly catalog: Catalog;
  readonly policy: SettlementPolicy;
  /** When the day ends that it is now, milliseconds since 1970. */
  readonly dayEnds: () => number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told of every effect after it is durable. */
  readonly onEffect: (effect: SettlementEffect) => void;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;

/**
 * Follows the node's settlements from the ledger's cursor and applies each with all its effects in one ledger transaction.
 * The cursor that the ledger has committed is the only position there is: after any failure it starts again from there.
 */
export class SettlementProcessor {
  readonly #dependencies: SettlementProcessorDependencies;
  #status: StreamStatus = { state: 'connecting' };
  #isCaughtUp = false;

  constructor(dependencies: SettlementProcessorDependencies) {
    this.#dependencies = dependencies;
  }

  /** What the stream from the node is doing. */
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
    const { node, backend, ledger } = this.#dependencies;
    const { identity } = await node.known();
    const after = await ledger.cursor(identity);
    const onStatus = (status: StreamStatus) => this.#onStatus(status);
    const events = backend.invoices.settlements({ signal, onStatus, ...(after === undefined ? {} : { after }) });
    let cursor = after;
    try {
      for await (const event of events) {
        if (event.kind === 'caught-up') {
          // A backend need not tell of its connection; this says as much.
          this.#status = { state: 'live' };
          this.#isCaughtUp = true;
          if (event.cursor !== cursor) await ledger.saveCursor(identity, event.cursor);
        } else {
          await this.#apply(identity, event);
        }
        cursor = event.cursor;
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

  async #apply(node: NodeIdentity, event: Exclude<SettlementEvent, { kind: 'caught-up' }>): Promise<void> {
    const { ledger, journal, desk, catalog, policy, dayEnds, clock, logger, onEffect } = this.#dependencies;
    const { settlement, cursor, kind } = event;
    const quote = desk.open(settlement.paymentHash) ?? (await ledger.quoteByHash(node, settlement.paymentHash));
    const next = quote === undefined ? {} : this.#nextOf(quote);
    const gone = quote === undefined ? [] : quote.items.map(({ table }) => table).filter((table) => !catalog.sells(table));
    const effect = await ledger.applySettlement({
      node,
      cursor,
      kind,
      settlement,
      now: clock.now(),
      epoch: journal.epoch,
      next,
      policy,
      gone,
      dayEnds: dayEnds(),
    });
    if (effect.kind !== 'foreign') {
      const amounts = { receivedMsat: String(settlement.receivedMsat), askedMsat: String(effect.quote.amountMsat) };
      logger.info({ effect: effect.kind, quote: effect.quote.id, ...amounts }, 'settlement applied');
      if ('credits' in effect)
        for (const credit of effect.credits) logger.warn({ ...credit, msat: String(credit.msat) }, 'money that bought nothing');
      desk.close(effect.quote);
    }
    onEffect(effect);
  }

  /** Where the quote's symbols stand now: the grant covers whatever is published from this moment on. */
  #nextOf(quote: QuoteRecord): NextSeqs {
    const { publisher } = this.#dependencies;
    return Object.fromEntries(
      quote.items.map(({ table, syms }) => [table, Object.fromEntries(syms.map((sym) => [sym, publisher.next(table, sym)]))]),
    );
  }
}
