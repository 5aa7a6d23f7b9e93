import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Logger } from '../ports/logger.ts';
import type { TradingCalendar } from './trading-calendar.ts';

/** What the keeper of days leans on. */
export interface DayKeeperDependencies {
  readonly calendar: TradingCalendar;
  readonly clock: Clock;
  readonly ledger: Pick<Ledger, 'endDay' | 'lastDay'>;
  readonly logger: Logger;
  /** Subscriptions that can be told at once, asked right before the end is recorded. */
  readonly ready: () => readonly string[];
  /** A day's end is durable; called in the turn in which that is known. `told`: the subscriptions that were noted with it. */
  readonly onEnd: (date: string, told: ReadonlySet<string>) => void;
  /** The last end that an earlier run has recorded: it may have died before all of it was done. */
  readonly onFound: (date: string) => void;
}

/** A machine may sleep and its clock may be set: however far the end is, it is looked at again after so long. */
const LOOK_AGAIN_MS = 60_000;
const RETRY_MS = 5_000;
/** How far ahead the last recorded end may be before it is taken for the work of a clock that was wrong. */
const PLAUSIBLE_MS = 2 * 86_400_000;

/**
 * Ends each day once: at its time, or, where nobody ran then, as soon as somebody does (for the last one that was missed). The ledger
 * decides, by compare-and-set, before anybody is told; so a timer that fires early, a clock that is set back and a process that dies
 * anywhere end no day twice.
 */
export class DayKeeper {
  readonly #dependencies: DayKeeperDependencies;
  #last: string | undefined;
  #timer: Disposable | undefined;
  #work: Promise<unknown> = Promise.resolve();
  #stopped = false;

  constructor(dependencies: DayKeeperDependencies) {
    this.#dependencies = dependencies;
  }

  /** Catches up, then keeps time. Never rejects: what fails is tried again. */
  start(): Promise<void> {
    return this.#enqueue(() => this.#check());
  }

  /** Ends a day by hand. False: it, or a later one, had ended. @throws RangeError for what is no date; LedgerError, and then it has not ended. */
  async end(date: string): Promise<boolean> {
    const day = Date.parse(`${date}T00:00:00Z`);
    if (!/^\d{4}-\d{2}-\d{2}$/.test(date) || Number.isNaN(day) || new Date(day).toISOString().slice(0, 10) !== date)
      throw new RangeError(`not a date: ${date}; write 2026-11-20`);
    return await this.#enqueue(() => this.#end(date, this.#dependencies.clock.now()));
  }

  /** Ends no more days; resolves when what is under way is done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.[Symbol.dispose]();
    await this.#work;
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => undefined);
    return done;
  }

  async #check(): Promise<void> {
    const { calendar, clock, logger } = this.#dependencies;
    if (this.#stopped) return;
    try {
      const due = calendar.lastEnd(clock.now());
      if (this.#last === undefined) await this.#load(due);
      if (this.#last !== undefined && due.date > this.#last) await this.#end(due.date, due.at);
      this.#wait(Math.min(Math.ceil(calendar.nextEnd(clock.now()).at - clock.now()), LOOK_AGAIN_MS));
    } catch (error) {
      logger.error({ err: error, retryInMs: RETRY_MS }, 'the end of day could not be recorded; trying again');
      this.#wait(RETRY_MS);
    }
  }

  async #load(due: { readonly date: string; readonly at: number }): Promise<void> {
    const { ledger, clock, logger, onFound } = this.#dependencies;
    const last = await ledger.lastDay();
    if (last === undefined) {
      await ledger.endDay({ date: due.date, endsAt: due.at, now: clock.now(), told: [], silent: true });
      this.#last = due.date;
      return;
    }
    this.#last = last.date;
    onFound(last.date);
    if (last.endsAt > clock.now() + PLAUSIBLE_MS)
      logger.warn(
        { date: last.date },
        'the last end of day on record is far ahead: the clock is wrong, or was; no day ends until that date is over',
      );
  }

  async #end(date: string, endsAt: number): Promise<boolean> {
    const { ledger, clock, ready, onEnd } = this.#dependencies;
    const told = ready();
    if (!(await ledger.endDay({ date, endsAt, now: clock.now(), told, silent: false }))) {
      this.#last = (await ledger.lastDay())?.date;
      return false;
    }
    this.#last = date;
    onEnd(date, new Set(told));
    return true;
  }

  #wait(ms: number): void {
    this.#timer?.[Symbol.dispose]();
    if (this.#stopped) return;
    this.#timer = this.#dependencies.clock.setTimer(Math.max(ms, 1), () => void this.#enqueue(() => this.#check()));
  }
}
