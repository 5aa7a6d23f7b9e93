import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Ledger, LedgerError } from '../../../src/core/ports/ledger.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { DayKeeper } from '../../../src/core/tickerplant/day-keeper.ts';
import { tradingCalendar } from '../../../src/core/tickerplant/trading-calendar.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { directLedger } from '../storage/support/direct-ledger.ts';

const HOUR_MS = 3_600_000;
const NEW_YORK = tradingCalendar({ at: '17:00', zone: 'America/New_York' });

/** Lets what hangs on the ledger happen. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 40; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

interface Run {
  readonly keeper: DayKeeper;
  readonly ended: string[];
  readonly found: string[];
}

function run(clock: ManualClock, ledger: Pick<Ledger, 'endDay' | 'lastDay'>, ended: string[] = [], calendar = NEW_YORK): Run {
  const found: string[] = [];
  const keeper = new DayKeeper({
    calendar,
    clock,
    ledger,
    logger: silentLogger,
    ready: () => [],
    onEnd: (date) => ended.push(date),
    onFound: (date) => found.push(date),
  });
  return { keeper, ended, found };
}

test('a day ends at its time, once, and a new ledger does not end the day before it was made', async () => {
  const clock = new ManualClock(Date.parse('2026-11-20T20:00:00Z'));
  const { keeper, ended } = run(clock, directLedger());
  await keeper.start();
  expect(ended).toEqual([]);
  clock.advance(2 * HOUR_MS - 1);
  await settle();
  expect(ended).toEqual([]);
  clock.advance(1);
  await settle();
  expect(ended).toEqual(['2026-11-20']);
  clock.advance(60_000);
  await settle();
  expect(ended).toEqual(['2026-11-20']);
  await keeper.stop();
  expect(clock.waiting).toBe(0);
});

test('however far the end is, the clock is looked at again within a minute', async () => {
  const clock = new ManualClock(Date.parse('2026-11-20T22:00:00Z'));
  let jumped = 0;
  const jumping = { now: () => clock.now() + jumped, setTimer: clock.setTimer.bind(clock), sleep: clock.sleep.bind(clock) };
  const { keeper, ended } = run(jumping as unknown as ManualClock, directLedger());
  await keeper.start();
  jumped = 24 * HOUR_MS;
  clock.advance(60_000);
  await settle();
  expect(ended).toEqual(['2026-11-21']);
  await keeper.stop();
});

test('of several ends that were missed, the last one happens when somebody runs again', async () => {
  const clock = new ManualClock(Date.parse('2026-11-20T20:00:00Z'));
  const ledger = directLedger();
  const first = run(clock, ledger);
  await first.keeper.start();
  await first.keeper.stop();
  clock.advance(75 * HOUR_MS);
  const second = run(clock, ledger);
  await second.keeper.start();
  expect(second.ended).toEqual(['2026-11-23']);
  await second.keeper.stop();
  const third = run(clock, ledger);
  await third.keeper.start();
  expect(third.ended).toEqual([]);
  expect(third.found).toEqual(['2026-11-23']);
  await third.keeper.stop();
});

test('an end by hand counts: its time does not end the day again; what is no date is refused', async () => {
  const clock = new ManualClock(Date.parse('2026-11-20T20:00:00Z'));
  const { keeper, ended } = run(clock, directLedger());
  await keeper.start();
  expect(await keeper.end('2026-11-20')).toBe(true);
  expect(await keeper.end('2026-11-20')).toBe(false);
  expect(await keeper.end('2026-11-18')).toBe(false);
  await expect(keeper.end('2026-11-31')).rejects.toThrow(RangeError);
  await expect(keeper.end('tomorrow')).rejects.toThrow(RangeError);
  clock.advance(3 * HOUR_MS);
  await settle();
  expect(ended).toEqual(['2026-11-20']);
  await keeper.stop();
});

test('while the ledger can not be written nobody is told; the end happens as soon as it can', async () => {
  const clock = new ManualClock(Date.parse('2026-11-20T20:00:00Z'));
  const real = directLedger();
  let isFull = false;
  const ledger: Pick<Ledger, 'endDay' | 'lastDay'> = {
    lastDay: () => real.lastDay(),
    endDay: async (command) => {
      if (isFull) throw new LedgerError('FULL', 'the disk is full');
      return await real.endDay(command);
    },
  };
  const { keeper, ended } = run(clock, ledger);
  await keeper.start();
  isFull = true;
  clock.advance(2 * HOUR_MS);
  await settle();
  expect(ended).toEqual([]);
  isFull = false;
  clock.advance(5_000);
  await settle();
  expect(ended).toEqual(['2026-11-20']);
  await keeper.stop();
});

type Step =
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'jump'; readonly ms: number }
  | { readonly kind: 'restart' }
  | { readonly kind: 'crash'; readonly committed: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 40 * HOUR_MS }) }),
  fc.record({ kind: fc.constant('jump' as const), ms: fc.integer({ min: -30 * HOUR_MS, max: 30 * HOUR_MS }) }),
  fc.record({ kind: fc.constant('restart' as const) }),
  fc.record({ kind: fc.constant('crash' as const), committed: fc.boolean() }),
);

test('through restarts, crashes before and after the commit, and a clock that jumps: no date twice, none out of order, and at last the one that is due', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), fc.constantFrom('00:00', '17:00', '02:30'), async (steps, at) => {
      const calendar = tradingCalendar({ at, zone: 'Europe/Berlin' });
      const clock = new ManualClock(Date.parse('2026-03-27T12:00:00Z'));
      let jumped = 0;
      const time = { now: () => clock.now() + jumped, setTimer: clock.setTimer.bind(clock), sleep: clock.sleep.bind(clock) };
      const real = directLedger();
      const told: string[] = [];
      let recorded = '';
      /** What a process does after it has died: nothing. */
      let crash: 'no' | 'before' | 'after' = 'no';
      const start = async () => {
        let dead = false;
        const never = () => {
          dead = true;
          return new Promise<never>(() => undefined);
        };
        const ledger: Pick<Ledger, 'endDay' | 'lastDay'> = {
          lastDay: () => real.lastDay(),
          endDay: async (command) => {
            if (dead || crash === 'before') return await never();
            const done = await real.endDay(command);
            if (done) recorded = command.date;
            return crash === 'after' ? await never() : done;
          },
        };
        const keeper = new DayKeeper({
          calendar,
          clock: time,
          ledger,
          logger: silentLogger,
          ready: () => [],
          onEnd: (date) => told.push(date),
          onFound: () => undefined,
        });
        void keeper.start();
        await settle();
        return keeper;
      };
      let keeper = await start();
      for (const each of steps) {
        if (each.kind === 'wait') clock.advance(each.ms);
        if (each.kind === 'jump') jumped += each.ms;
        if (each.kind === 'crash') {
          crash = each.committed ? 'after' : 'before';
          clock.advance(24 * HOUR_MS);
        }
        await settle();
        if (each.kind === 'restart' || each.kind === 'crash') {
          void keeper.stop();
          crash = 'no';
          keeper = await start();
        }
      }
      clock.advance(60_000);
      await settle();
      const due = calendar.lastEnd(time.now()).date;
      expect(recorded >= due || recorded === '').toBe(true);
      expect(told).toEqual([...new Set(told)].sort());
      void keeper.stop();
    }),
    { numRuns: 60 },
  );
}, 60_000);
