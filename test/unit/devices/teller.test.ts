import { beforeEach, expect, test } from 'vitest';
import type { DeviceSink } from '../../../src/core/devices/service.ts';
import { Teller } from '../../../src/core/devices/teller.ts';
import { msat } from '../../../src/core/lightning/amount.ts';
import { paymentHash } from '../../../src/core/lightning/identifiers.ts';
import type { DeviceSettlement } from '../../../src/core/ports/device-ledger.ts';
import { silentLogger } from '../../../src/core/ports/logger.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const SECOND_MS = 1_000;
const RETELL_MS = 30 * SECOND_MS;

function settlement(id: string): DeviceSettlement {
  return {
    id,
    device: 'tap',
    invoice: `invoice of ${id}`,
    item: 'water',
    kind: 'paid',
    late: false,
    amountMsat: msat(5_000),
    receivedMsat: msat(5_000),
    paymentHash: paymentHash('0a'.repeat(32)),
    settledAt: 1_000,
    acknowledgedAt: undefined,
  };
}

let clock: ManualClock;
let open: DeviceSettlement[];
let told: { readonly id: string; readonly afterMs: number }[];
let isFull: boolean;
let broken: boolean;
let teller: Teller;
beforeEach(() => {
  clock = new ManualClock();
  const begun = clock.now();
  [open, told, isFull, broken] = [[], [], false, false];
  const sink: DeviceSink = {
    settled: ({ id }) => void told.push({ id, afterMs: clock.now() - begun }),
    ended: () => undefined,
    get isFull() {
      return isFull;
    },
  };
  const unacknowledged = async (_device: string, limit: number) => {
    if (broken) throw new Error('the disk is gone');
    return open.slice(0, limit);
  };
  teller = new Teller('tap', sink, { ledger: { unacknowledged }, clock, logger: silentLogger, retellMs: RETELL_MS });
});

/** Lets what is under way get to its end: nothing here waits for more than promises. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
async function pass(ms: number, stepMs = ms): Promise<void> {
  for (let left = ms; left > 0; left -= stepMs) {
    clock.advance(Math.min(stepMs, left));
    await turn();
  }
}
const times = () => told.map(({ afterMs }) => afterMs / SECOND_MS);

test('a payment is told at once, and again after waits that double up to half an hour', async () => {
  open = [settlement('a')];
  teller.tellAll();
  await turn();
  await pass(7_200 * SECOND_MS, 10 * SECOND_MS);
  expect(times()).toEqual([0, 30, 90, 210, 450, 930, 1_890, 3_810, 5_730]);
});

test('what is acknowledged is not told again, and nothing is waited for', async () => {
  open = [settlement('a')];
  teller.tellAll();
  await turn();
  open = [];
  teller.look();
  await turn();
  expect(clock.waiting).toBe(0);
  expect(times()).toEqual([0]);
});

test('a second payment is told when it comes, and does not make the first be told sooner', async () => {
  open = [settlement('a')];
  teller.tellAll();
  await turn();
  await pass(10 * SECOND_MS);
  open = [settlement('a'), settlement('b')];
  teller.look();
  teller.look();
  await turn();
  await pass(30 * SECOND_MS, SECOND_MS);
  expect(told).toEqual([
    { id: 'a', afterMs: 0 },
    { id: 'b', afterMs: 10_000 },
    { id: 'a', afterMs: 30_000 },
    { id: 'b', afterMs: 40_000 },
  ]);
});

test('a device that comes back is told everything, and the waits begin anew', async () => {
  open = [settlement('a')];
  teller.tellAll();
  await turn();
  await pass(100 * SECOND_MS, 10 * SECOND_MS);
  teller.tellAll();
  await turn();
  await pass(40 * SECOND_MS, 10 * SECOND_MS);
  expect(times()).toEqual([0, 30, 90, 100, 130]);
});

test('while the outlet is full nothing is told, and it does not count as told', async () => {
  open = [settlement('a')];
  isFull = true;
  teller.tellAll();
  await turn();
  await pass(5 * SECOND_MS, SECOND_MS);
  expect(told).toEqual([]);
  isFull = false;
  await pass(31 * SECOND_MS, SECOND_MS);
  expect(times()).toEqual([6, 36]);
});

test('a ledger that fails is asked again a second later', async () => {
  open = [settlement('a')];
  broken = true;
  teller.tellAll();
  await turn();
  broken = false;
  await pass(SECOND_MS);
  expect(times()).toEqual([1]);
});

test('of many payments 64 are told, and the next where one of them is acknowledged', async () => {
  open = Array.from({ length: 70 }, (_, at) => settlement(`s${at}`));
  teller.tellAll();
  await turn();
  expect(told.map(({ id }) => id)).toEqual(open.slice(0, 64).map(({ id }) => id));
  open = open.slice(1);
  teller.look();
  await turn();
  expect(told.slice(64).map(({ id }) => id)).toEqual(['s64']);
});

test('closed, it tells nothing more, not even what it was looking for', async () => {
  open = [settlement('a')];
  teller.tellAll();
  teller.close();
  await turn();
  teller.look();
  await pass(60 * SECOND_MS);
  expect(told).toEqual([]);
  expect(clock.waiting).toBe(0);
});
