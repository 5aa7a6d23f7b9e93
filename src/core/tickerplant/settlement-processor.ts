import type { NodeIdentity } from '../lightning/backend.ts';
import type { StreamStatus } from '../lightning/settlement.ts';
import type { Clock } from '../ports/clock.ts';
import type { Journal } from '../ports/journal.ts';
import type { Ledger, NextSeqs, QuoteRecord, SettlementEffect, SettlementPolicy } from '../ports/ledger.ts';
import type { Logger } from '../ports/logger.ts';
import type { SettlementSource, SourcedEvent } from '../ports/settlement-source.ts';
import type { Catalog } from './catalog.ts';
import type { Publisher } from './publisher.ts';
import type { QuoteDesk } from './quote-desk.ts';
import type { SellerBackend, SellerNode } from './seller-node.ts';
import { type AppliedEvent, SettlementFollower } from './settlement-follower.ts';

/** What the processor leans on. */
export interface SettlementProcessorDependencies {
  readonly node: SellerNode;
  readonly backend: SellerBackend;
  /** Where settlements are learnt from; the node unless given. */
  readonly source?: SettlementSource | undefined;
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

/** Applies each of the node's settlements with all its effects, and the cursor, in one ledger transaction (see {@link SettlementFollower}). */
export class SettlementProcessor {
  readonly #dependencies: SettlementProcessorDependencies;
  readonly #follower: SettlementFollower;

  constructor(dependencies: SettlementProcessorDependencies) {
    this.#dependencies = dependencies;
    const { node, backend, source, ledger, clock, logger } = dependencies;
    this.#follower = new SettlementFollower({
      node,
      backend,
      source,
      cursors: ledger,
      clock,
      logger,
      apply: (identity, event, from) => this.#apply(identity, event, from),
    });
  }

  /** What the stream from the node, or from the listener, is doing. */
  get status(): StreamStatus {
    return this.#follower.status;
  }

  /** Whether all that the node had on record when it was reached has had its effect, and it has not been lost since. */
  get isCaughtUp(): boolean {
    return this.#follower.isCaughtUp;
  }

  /** Runs until the signal is aborted. */
  run(signal: AbortSignal): Promise<void> {
    return this.#follower.run(signal);
  }

  async #apply(node: NodeIdentity, event: AppliedEvent, { source, nodeCursor }: SourcedEvent): Promise<void> {
    const { ledger, journal, desk, catalog, policy, dayEnds, clock, logger, onEffect } = this.#dependencies;
    const { settlement, cursor, kind } = event;
    const quote = desk.open(settlement.paymentHash) ?? (await ledger.quoteByHash(node, settlement.paymentHash));
    const next = quote === undefined ? {} : this.#nextOf(quote);
    const gone = quote === undefined ? [] : quote.items.map(({ table }) => table).filter((table) => !catalog.sells(table));
    const effect = await ledger.applySettlement({
      node,
      source,
      cursor,
      nodeCursor,
      kind,
      settlement,
      now: clock.now(),
      epoch: journal.epoch,
      next,
      policy,
      gone,
      dayEnds: dayEnds(),
    });
    if (effect.kind === 'device') {
      const { id, device, kind: how, late, receivedMsat, amountMsat } = effect.settlement;
      const amounts = { receivedMsat: String(receivedMsat), askedMsat: String(amountMsat) };
      if (effect.fresh) logger.info({ effect: how, device, settlement: id, late, ...amounts }, "a device's invoice was settled");
    } else if (effect.kind !== 'foreign') {
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
