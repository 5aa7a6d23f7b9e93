import type { Clock } from '../../../../src/core/ports/clock.ts';
import type { Journal } from '../../../../src/core/ports/journal.ts';
import type { Grant, SubscriptionRecord } from '../../../../src/core/ports/ledger.ts';
import { silentLogger } from '../../../../src/core/ports/logger.ts';
import type { Catalog } from '../../../../src/core/tickerplant/catalog.ts';
import { Meters } from '../../../../src/core/tickerplant/meters.ts';
import type { Publisher } from '../../../../src/core/tickerplant/publisher.ts';
import type { SlowConsumerPolicy, SubscriberSink } from '../../../../src/core/tickerplant/service.ts';
import type { SessionDependencies } from '../../../../src/core/tickerplant/session.ts';

/** An outlet that takes everything and says nothing: a test overrides what it looks at. */
export class QuietSink implements SubscriberSink {
  get isFull(): boolean {
    return false;
  }
  active(_event: Parameters<SubscriberSink['active']>[0]): void {}
  rows(_rows: Parameters<SubscriberSink['rows']>[0]): void {}
  snapshot(_rows: Parameters<SubscriberSink['snapshot']>[0]): void {}
  gap(_event: Parameters<SubscriberSink['gap']>[0]): void {}
  offer(_offer: Parameters<SubscriberSink['offer']>[0]): void {}
  balance(_event: Parameters<SubscriberSink['balance']>[0]): void {}
  credit(_event: Parameters<SubscriberSink['credit']>[0]): void {}
  expired(_event: Parameters<SubscriberSink['expired']>[0]): void {}
  superseded(): void {}
  endOfDay(): void {}
  async drained(): Promise<void> {}
  whenLeft(_callback: () => void): void {}
  endSlow(): void {}
}

/** What a session leans on, where nothing is offered to it and none of its rows is paid one by one. */
export function flatSessionParts(parts: {
  readonly publisher: Publisher;
  readonly journal: Journal;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly slowConsumer?: SlowConsumerPolicy;
}): SessionDependencies {
  const never = () => {
    throw new Error('nothing is offered here');
  };
  return {
    slowConsumer: 'catch-up',
    ...parts,
    logger: silentLogger,
    meters: new Meters({ ledger: undefined as never, clock: parts.clock, logger: silentLogger, epoch: parts.journal.epoch }),
    desk: { restored: Promise.resolve(), isRestored: true, quote: never, openOf: () => [], offerAgain: never },
    noteOpen: () => undefined,
  };
}

/** A grant that was sold flat: of table `trade`, from each symbol's first row, unless told otherwise. */
export function flatGrant(syms: readonly string[], until: number, more: Partial<Grant> = {}): Grant {
  const next = Object.fromEntries(syms.map((sym) => [sym, 1]));
  const terms = { kind: 'flat', msat: 100_000n, lastsMs: 86_400_000, replayMs: 86_400_000 } as const;
  return { id: 'g', subscription: 's', quote: 'q', table: 'trade', syms, terms, grantedAt: 0, until, epoch: 1, next, ...more };
}

/** A subscription with these grants. */
export function recordWith(grants: readonly Grant[]): SubscriptionRecord {
  const none = 0n as never;
  return { id: 's', tokenId: '', rootKey: '', createdAt: 0, grants, unsubscribed: {}, creditMsat: none, balanceMsat: none, billed: [] };
}
