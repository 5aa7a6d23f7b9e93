import type { Journal } from '../ports/journal.ts';
import type { Logger } from '../ports/logger.ts';
import { LaggingSymbols } from './lagging-symbols.ts';
import type { MeteredReceiver } from './metered-receiver.ts';
import type { PublishedRows } from './published-rows.ts';
import type { Marks, Publisher, RowReceiver } from './publisher.ts';
import { replayThenJoin } from './replay.ts';
import type { SlowConsumerPolicy, SubscriberSink } from './service.ts';
import { readSnapshots, readSnapshotsSync } from './snapshot.ts';
import { SymbolWaits } from './symbol-waits.ts';

/** The session whose rows are delivered. */
export interface DeliveryHost {
  readonly subscription: string;
  readonly sink: SubscriberSink;
  readonly publisher: Publisher;
  readonly journal: Journal;
  readonly logger: Logger;
  readonly slow: () => SlowConsumerPolicy;
  /** The receiver of a symbol whose rows are paid one by one; undefined where they are paid already. */
  readonly metered: (table: string, sym: string) => MeteredReceiver | undefined;
}

/**
 * A symbol's way from granted to live: a receiver, its rows come from the publisher to that one; a number, they come from the journal
 * (each replay has a number of its own, so that one that was broken off does not go on beside the next); `held`, none come until
 * they can be paid.
 */
type SymbolState = RowReceiver | number | 'held';

/** The rows that a session is given: which symbols, from where, and how far each is. */
export class Delivery implements RowReceiver {
  readonly #host: DeliveryHost;
  readonly #symbols = new Map<string, Map<string, SymbolState>>();
  readonly #lagging: LaggingSymbols;
  readonly #waits = new SymbolWaits();
  #replays = 0;
  #closed = false;

  constructor(host: DeliveryHost) {
    this.#host = host;
    this.#lagging = new LaggingSymbols({
      ...host,
      policy: () => {
        const policy = host.slow();
        return policy === 'disconnect' ? 'catch-up' : policy;
      },
      isLagging: (table, sym) => this.#isReplaying(table, sym),
      goLive: (table, sym) => this.goLive(table, sym),
      hand: (rows) => this.#hand(rows),
      replay: (table, after) => this.#replay(table, after),
    });
  }

  /** Whether rows of a symbol are being delivered, or will be when they can be paid. */
  takes(table: string, sym: string): boolean {
    return this.#symbols.get(table)?.has(sym) ?? false;
  }

  get isActive(): boolean {
    return this.#symbols.size > 0;
  }

  /** Whether no symbol's rows come from the journal. */
  get isCaughtUp(): boolean {
    for (const syms of this.#symbols.values()) for (const state of syms.values()) if (typeof state === 'number') return false;
    return true;
  }

  /** Calls back once when all rows below the marks have been handed over (where there are none: below where numbering stands), or delivery has ended. */
  whenPast(marks: Marks | undefined, callback: () => void): void {
    const { publisher } = this.#host;
    const replaying: (readonly [table: string, sym: string, mark: number])[] = [];
    for (const [table, syms] of this.#symbols) {
      for (const [sym, state] of syms) {
        if (typeof state !== 'number') continue;
        replaying.push([table, sym, marks === undefined ? publisher.next(table, sym) : (marks.get(table)?.get(sym) ?? 1)]);
      }
    }
    this.#waits.add(replaying, callback);
  }

  /** The symbols that are being delivered. */
  symbols(): readonly (readonly [table: string, sym: string])[] {
    return [...this.#symbols].flatMap(([table, syms]) => [...syms.keys()].map((sym) => [table, sym] as const));
  }

  /** Live rows that are paid already. */
  rows(rows: PublishedRows): void {
    if (!this.#host.sink.isFull) this.#host.sink.rows(rows);
    else this.lag(rows);
  }

  /** Live rows that the buyer has no room for. */
  lag(rows: PublishedRows): void {
    if (this.#host.slow() === 'disconnect') this.#host.sink.endSlow();
    else {
      this.#leave(rows.table, rows.sym);
      this.#setState(rows.table, rows.sym, this.#nextReplay());
      this.#lagging.add(rows.table, rows.sym, rows.seq - 1);
    }
  }

  /** Delivers what comes after the given numbers: from the journal until nothing is left there, then live. Says first what is not kept any more. */
  deliver(table: string, after: Map<string, number>): void {
    if (this.#closed) return;
    const { publisher, journal, sink } = this.#host;
    for (const [sym, last] of after) {
      const earliest = journal.earliest(table, sym) ?? publisher.next(table, sym);
      if (last + 1 < earliest) {
        sink.gap({ table, sym, epoch: journal.epoch, from: last + 1, to: earliest - 1, reason: 'retention' });
        after.set(sym, earliest - 1);
      }
      this.#leave(table, sym);
      if ((after.get(sym) ?? 0) + 1 >= publisher.next(table, sym)) {
        this.goLive(table, sym);
        after.delete(sym);
      } else {
        this.#setState(table, sym, this.#nextReplay());
      }
    }
    if (after.size > 0) void this.#replay(table, after);
  }

  /** The same, but with the last row of each symbol before them first, where there is one. */
  deliverWithSnapshot(table: string, after: Map<string, number>): void {
    const { publisher, journal, logger, sink, subscription } = this.#host;
    const without = new Map([...after].filter(([, last]) => last === 0));
    const wanted = new Map([...after].filter(([, last]) => last > 0));
    this.deliver(table, without);
    if (wanted.size === 0) return;
    const next = (sym: string) => publisher.next(table, sym);
    const atHand = this.#snapshotsAtHand(table, wanted);
    if (atHand !== undefined) {
      for (const rows of atHand) sink.snapshot(rows);
      this.deliver(table, wanted);
      return;
    }
    const marks = new Map([...wanted.keys()].map((sym) => [sym, this.#nextReplay()]));
    for (const [sym, mark] of marks) this.#setState(table, sym, mark);
    const isWaiting = (sym: string) => !this.#closed && this.#symbols.get(table)?.get(sym) === marks.get(sym);
    const goOn = () => {
      for (const sym of wanted.keys()) if (!isWaiting(sym)) wanted.delete(sym);
      this.deliver(table, wanted);
    };
    readSnapshots(journal, table, wanted, next)
      .then(
        (snapshots) => {
          for (const rows of snapshots) if (isWaiting(rows.sym)) sink.snapshot(rows);
        },
        (error: unknown) => logger.warn({ err: error, table, subscription }, 'the journal could not be read for a snapshot'),
      )
      .then(goOn);
  }

  #snapshotsAtHand(table: string, wanted: ReadonlyMap<string, number>): readonly PublishedRows[] | undefined {
    const { publisher, journal } = this.#host;
    try {
      return readSnapshotsSync(journal, table, wanted, (sym) => publisher.next(table, sym));
    } catch {
      // Said where it is read again.
      return undefined;
    }
  }

  /** From now on a symbol's rows come from the publisher. */
  goLive(table: string, sym: string): void {
    const receiver = this.#host.metered(table, sym) ?? this;
    this.#setState(table, sym, receiver);
    this.#host.publisher.join(table, sym, receiver);
    this.#waits.done(table, sym);
  }

  /** No rows of a symbol come until it is delivered again. */
  hold(table: string, sym: string): void {
    this.#leave(table, sym);
    this.#setState(table, sym, 'held');
    this.#waits.done(table, sym);
  }

  /** A symbol that is live goes on by the price that holds now. Answers whether it is held. */
  reprice(table: string, sym: string): boolean {
    const state = this.#symbols.get(table)?.get(sym);
    if (typeof state === 'object' && state !== (this.#host.metered(table, sym) ?? this)) {
      this.#leave(table, sym);
      this.goLive(table, sym);
    }
    return state === 'held';
  }

  /** Ends delivery of a symbol. */
  drop(table: string, sym: string): void {
    this.#leave(table, sym);
    const syms = this.#symbols.get(table);
    syms?.delete(sym);
    if (syms?.size === 0) this.#symbols.delete(table);
    this.#waits.done(table, sym);
  }

  close(): void {
    this.#closed = true;
    for (const [table, sym] of this.symbols()) this.drop(table, sym);
  }

  async #replay(table: string, after: Map<string, number>): Promise<void> {
    const { journal, logger, publisher, sink, subscription } = this.#host;
    const replays = new Map([...after.keys()].map((sym) => [sym, this.#symbols.get(table)?.get(sym)]));
    const stillReplaying = (sym: string) => this.#isReplaying(table, sym) && this.#symbols.get(table)?.get(sym) === replays.get(sym);
    const join = () => {
      for (const sym of after.keys()) if (stillReplaying(sym)) this.goLive(table, sym);
    };
    try {
      await replayThenJoin(
        journal,
        table,
        {
          after,
          wanted: () => [...after.keys()].some(stillReplaying),
          rows: (rows) => {
            if (!stillReplaying(rows.sym)) return;
            this.#waits.before(rows);
            this.#hand(rows);
            this.#waits.after(rows);
          },
          drained: () => sink.drained(),
        },
        join,
      );
    } catch (error) {
      logger.error({ err: error, table, subscription }, 'the journal could not be read for a replay');
      for (const [sym, last] of after) {
        if (!stillReplaying(sym)) continue;
        sink.gap({ table, sym, epoch: journal.epoch, from: last + 1, to: publisher.next(table, sym) - 1, reason: 'retention' });
      }
      join();
    }
  }

  #hand(rows: PublishedRows): void {
    const metered = this.#host.metered(rows.table, rows.sym);
    this.#host.publisher.replayed(rows.count);
    if (metered === undefined) this.#host.sink.rows(rows);
    else metered.hand(rows);
  }

  #isReplaying(table: string, sym: string): boolean {
    return !this.#closed && typeof this.#symbols.get(table)?.get(sym) === 'number';
  }

  #nextReplay(): number {
    this.#replays += 1;
    return this.#replays;
  }

  #setState(table: string, sym: string, state: SymbolState): void {
    const syms = this.#symbols.get(table);
    if (syms === undefined) this.#symbols.set(table, new Map([[sym, state]]));
    else syms.set(sym, state);
  }

  #leave(table: string, sym: string): void {
    const state = this.#symbols.get(table)?.get(sym);
    if (typeof state === 'object') this.#host.publisher.leave(table, sym, state);
  }
}
