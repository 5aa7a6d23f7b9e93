import { expect, test } from 'vitest';
import { systemdService, watchdogEvery } from '../../../../src/app/systemd/service.ts';
import { silentLogger } from '../../../../src/core/ports/logger.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('the watchdog is told twice as often as it asks, and only by the process that it asks', () => {
  expect(watchdogEvery({ WATCHDOG_USEC: '30000000' }, 7)).toBe(15_000);
  expect(watchdogEvery({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '7' }, 7)).toBe(15_000);
  expect(watchdogEvery({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '8' }, 7)).toBeUndefined();
  for (const bad of [undefined, '', '0', '-1', 'soon']) expect(watchdogEvery({ WATCHDOG_USEC: bad }, 7)).toBeUndefined();
});

test('ready, then alive while it is healthy, then stopping and nothing more', async () => {
  const clock = new ManualClock();
  const told: string[] = [];
  let sick = false;
  const service = systemdService({
    environment: { WATCHDOG_USEC: '2000000' },
    pid: 7,
    clock,
    logger: silentLogger,
    notify: async (...variables) => void told.push(variables.join(' ')),
  });
  await service.ready(
    () => 'listening on\nws://127.0.0.1:5010',
    async () => {
      if (sick) throw new Error('the ledger is gone');
    },
  );
  expect(told).toEqual(['READY=1 STATUS=listening on ws://127.0.0.1:5010']);
  clock.advance(2_000);
  await turn();
  expect(told.slice(1)).toEqual(['WATCHDOG=1', 'WATCHDOG=1'].map((beat) => `${beat} STATUS=listening on ws://127.0.0.1:5010`));
  sick = true;
  clock.advance(3_000);
  await turn();
  expect(told).toHaveLength(3);
  sick = false;
  clock.advance(1_000);
  await turn();
  expect(told).toHaveLength(4);
  await service.stopping();
  expect(told[4]).toMatch(/^STOPPING=1 STATUS=/);
  clock.advance(60_000);
  await turn();
  expect(told).toHaveLength(5);
});

test('what can not be told stops nothing; without systemd nothing is told', async () => {
  const clock = new ManualClock();
  const errors: string[] = [];
  const logger = { ...silentLogger, error: (_fields: unknown, message: string) => void errors.push(message) };
  const deaf = systemdService({
    environment: {},
    pid: 7,
    clock,
    logger,
    notify: async () => {
      throw new Error('nobody there');
    },
  });
  await deaf.ready(
    () => '',
    async () => undefined,
  );
  expect(errors).toHaveLength(1);
  const none = systemdService({ environment: { WATCHDOG_USEC: '1000' }, pid: 7, clock, logger });
  await none.ready(
    () => '',
    async () => undefined,
  );
  expect(clock.waiting).toBe(0);
});
